// How often one may be wrong, and how often one is right with what counts once.
import { ConnectError } from '@connectrpc/connect';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { createHuman, readState } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import {
  askCodes,
  byId,
  byName,
  type Checks,
  createPerson,
  credentialsError,
  loginOf,
  openSession,
  openWithAll,
  password,
  passwordType,
  type Sessions,
  shown,
  wrongOf,
  wrongPassword,
} from '../support/signIn.ts';

const passwordWrong = 'InvalidArgument PASSWORD_WRONG';
const codeWrong = 'InvalidArgument CODE_WRONG';
const tooOften = 'ResourceExhausted TRIED_TOO_OFTEN';
const locked = 'FailedPrecondition USER_LOCKED';

let server: TestServer;
let users: Clients['users'];
let sessions: Sessions;
let other: Sessions;

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
  sessions = await loginOf(server);
  other = await loginOf(await startServer({ beside: server }));
});

beforeEach(() => server.setTime(epoch));

const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const set = (sessionId: string, checks: Checks) => outcome(sessions.setSession({ sessionId, checks }));

/** Starts all calls, to two replicas in turn, before any has ended, and counts how they ended. */
async function race(count: number, call: (sessions: Sessions, n: number) => Promise<unknown>) {
  const outcomes = await Promise.all(Array.from({ length: count }, (_, n) => outcome(call(n % 2 ? other : sessions, n))));
  const counted: Record<string, number> = {};
  for (const each of outcomes) counted[each] = (counted[each] ?? 0) + 1;
  return counted;
}

describe('of fifty uses at once of one', () => {
  test('code that was sent, one is right', async () => {
    const { userId } = await createPerson(server);
    const sessionId = await openSession(sessions, userId);
    const { email } = await askCodes(sessions, sessionId);
    const uses = await race(50, (replica) => replica.setSession({ sessionId, checks: { otpEmail: { code: email } } }));
    expect(uses).toEqual({ ok: 1, 'FailedPrecondition CHALLENGE_ABSENT': 49 });
  });

  test.each<[string, (checks: Awaited<ReturnType<typeof openWithAll>>['right']) => Checks]>([
    ['code of an app, over several sessions,', ({ totp }) => ({ totp })],
    ['recovery code, over several sessions,', ({ recoveryCode }) => ({ recoveryCode })],
  ])('%s one is right', async (_, pick) => {
    const { userId, right } = await openWithAll(server, sessions);
    const ids = await Promise.all(Array.from({ length: 10 }, () => openSession(sessions, userId)));
    const uses = await race(50, (replica, n) => replica.setSession({ sessionId: ids[n % 10] ?? '', checks: pick(right) }));
    expect(uses).toEqual({ ok: 1, [codeWrong]: 5, [tooOften]: 44 });
  });

  test('answer of a passkey, one is right', async () => {
    const { sessionId, right } = await openWithAll(server, sessions);
    const uses = await race(50, (replica) => replica.setSession({ sessionId, checks: { webAuthN: right.webAuthN } }));
    expect(uses).toEqual({ ok: 1, 'FailedPrecondition CHALLENGE_ABSENT': 49 });
  });
});

test('nobody who is locked, deactivated or deleted meanwhile keeps a session', async () => {
  for (const fall of ['lockUser', 'deactivateUser', 'deleteUser'] as const) {
    const userId = await createHuman(server);
    const ids = await Promise.all(Array.from({ length: 5 }, () => openSession(sessions, userId)));
    await race(40, async (replica, n) => {
      if (n === 15) return users[fall]({ userId });
      const checks = { user: byId(userId) };
      return n % 3 ? replica.createSession({ checks }) : replica.setSession({ sessionId: ids[n % 5] ?? '', checks });
    });
    expect(await server.sql`select from sessions where user_id = ${userId} and ended_at is null`, fall).toHaveLength(0);
  }
});

describe('wrong passwords', () => {
  const guess = (to: Sessions, userId: string, text = wrongPassword) =>
    to.createSession({ checks: { user: byId(userId), password: { password: text } } });

  test('in fifty new sessions at once are looked at five times; then the right one waits as well', async () => {
    const userId = await createHuman(server, { passwordType });
    expect(await race(50, (replica) => guess(replica, userId))).toEqual({ [passwordWrong]: 5, [tooOften]: 45 });
    const refused = ConnectError.from(await guess(sessions, userId, password).catch((error: unknown) => error));
    expect(refused.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds: 1n, nanos: 0 } }]);
    expect(await readState(server, userId)).toBe(UserState.ACTIVE);
    later(1);
    expect(await outcome(guess(sessions, userId, password))).toBe('ok');
    expect((await credentialsError(guess(sessions, userId)))?.failedAttempts).toBe(1);
  });

  test('count together with those of SetPassword, apart from codes', async () => {
    const { userId } = await createPerson(server);
    const verification = { case: 'currentPassword', value: wrongPassword } as const;
    const change = () => outcome(users.setPassword({ userId, newPassword: { password: 'Another-1' }, verification }));
    for (let n = 0; n < 3; n++) expect(await change()).toBe(passwordWrong);
    expect((await credentialsError(guess(sessions, userId)))?.failedAttempts).toBe(4);
    expect(await change()).toBe(passwordWrong);
    expect([await outcome(guess(sessions, userId)), await change()]).toEqual([tooOften, tooOften]);
    expect(await set(await openSession(sessions, userId), { totp: { code: shown(server) } })).toBe('ok');
  });

  test('lock the user where that is asked for: five of fifty at once, and his sessions end', async () => {
    const locking = await startServer({ env: { ROSTER_LOCK_AFTER_PASSWORD_TRIES: '5' } });
    const login = await loginOf(locking);
    const { userId, username } = await createPerson(locking);
    const { sessionId, sessionToken } = await login.createSession({ checks: { user: byId(userId), password: { password } } });
    const calls = Array.from({ length: 50 }, (_, n) =>
      n % 2 ? guess(login, userId) : login.setSession({ sessionId, checks: { password: { password: wrongPassword } } }),
    );
    const told = await Promise.all(calls.map((call) => credentialsError(call)));
    const attempts = told.filter((each) => each?.id === 'PASSWORD_WRONG').map((each) => each?.failedAttempts);
    expect(attempts.sort()).toEqual([1, 2, 3, 4, 5]);
    const [looks] = await locking.sql`select count(*)::int as looks from user_events
      where user_id = ${userId} and type = 'password.check.failed'`;
    expect(looks?.looks).toBe(5);
    expect(await readState(locking, userId)).toBe(UserState.LOCKED);
    // The user is checked first, so that a new session never comes to his password; an old one is not there any more.
    expect(await outcome(guess(login, userId, password))).toBe(locked);
    expect(await outcome(login.createSession({ checks: { user: byName(username) } }))).toBe(locked);
    expect(await outcome(login.setSession({ sessionId, checks: { password: { password } } }))).toBe('NotFound SESSION_NOT_FOUND');
    expect(await outcome(locking.as(sessionToken).users.getUserByID({ userId }))).toBe('Unauthenticated UNAUTHENTICATED');
    await locking.as().users.unlockUser({ userId });
    expect((await credentialsError(guess(login, userId)))?.failedAttempts).toBe(1);
    expect(await outcome(guess(login, userId, password))).toBe('ok');
  });
});

describe('wrong codes', () => {
  test('of every kind, and of a registration, count together; unlocking forgives them', async () => {
    const { userId } = await createPerson(server);
    await users.removeTOTP({ userId });
    await users.registerTOTP({ userId });
    const verify = () => outcome(users.verifyTOTPRegistration({ userId, code: 'wrong!' }));
    const sessionId = await openSession(sessions, userId);
    await users.generateRecoveryCodes({ userId, count: 1 });
    const codes = await askCodes(sessions, sessionId);
    const guesses = [
      verify,
      () => set(sessionId, { otpSms: { code: wrongOf(codes.sms) } }),
      async () => set(await openSession(sessions, userId), { recoveryCode: { code: 'wrong' } }),
      () => set(sessionId, { otpEmail: { code: wrongOf(codes.email) } }),
      verify,
    ];
    for (const guess of guesses) expect(await guess()).toBe(codeWrong);
    for (const guess of guesses) expect(await guess()).toBe(tooOften);
    expect(await set(sessionId, { password: { password } })).toBe('ok');
    expect(await set(sessionId, { otpSms: { code: codes.sms } })).toBe(tooOften);
    await users.lockUser({ userId });
    await users.unlockUser({ userId });
    const next = await openSession(sessions, userId);
    expect(await set(next, { otpSms: { code: (await askCodes(sessions, next)).sms } })).toBe('ok');
  });

  test('and the right one forgives them', async () => {
    const { userId } = await createPerson(server);
    const sessionId = await openSession(sessions, userId);
    for (let n = 0; n < 4; n++) expect(await set(sessionId, { totp: { code: wrongOf(shown(server)) } })).toBe(codeWrong);
    expect(await set(sessionId, { totp: { code: shown(server) } })).toBe('ok');
    for (let n = 0; n < 5; n++) expect(await set(sessionId, { totp: { code: shown(server) } })).toBe(codeWrong);
    expect(await set(sessionId, { totp: { code: shown(server, 30) } })).toBe(tooOften);
  });
});
