import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHuman, createMachine, unique } from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import {
  byId,
  byName,
  type Change,
  type Checks,
  createPerson,
  credentialsError,
  loginOf,
  openSession,
  passkeyWanted,
  password,
  returned,
  type Sessions,
  shown,
  stateOf,
  wrongOf,
  wrongPassword,
} from '../support/signIn.ts';

const notFound = 'NotFound USER_NOT_FOUND';
const codeWrong = 'InvalidArgument CODE_WRONG';

let server: TestServer;
let users: Clients['users'];
let sessions: Sessions;

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
  sessions = await loginOf(server);
});

beforeEach(() => server.setTime(epoch));

const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const create = (checks: Checks) => outcome(sessions.createSession({ checks }));
const set = (sessionId: string, checks: Checks) => outcome(sessions.setSession({ sessionId, checks }));
const factorsOf = async (sessionId: string) => (await sessions.getSession({ sessionId })).session?.factors;
const setState = (userId: string, state: string) => server.sql`update users set state = ${state} where id = ${userId}`;
const verifiedAt = () => ({ verifiedAt: { seconds: BigInt(server.app.clock().getTime() / 1000) } });

/** Each check but that of the user, of something that nobody has. */
const anyChecks: [string, Checks][] = [
  ['password', { password: { password: wrongPassword } }],
  ['idp_intent', { idpIntent: { idpIntentId: '1', idpIntentToken: 'token' } }],
  ['web_auth_n', { webAuthN: { credentialAssertionData: {} } }],
  ['totp', { totp: { code: '000000' } }],
  ['otp_sms', { otpSms: { code: '1' } }],
  ['otp_email', { otpEmail: { code: '1' } }],
  ['recovery_code', { recoveryCode: { code: '1' } }],
];
const anyChanges: [string, Change][] = [
  ...anyChecks.map(([name, checks]): [string, Change] => [`the check ${name}`, { checks }]),
  ['the challenge web_auth_n', { challenges: { webAuthN: passkeyWanted } }],
  ['the challenge otp_sms', { challenges: { otpSms: returned.otpSms } }],
  ['the challenge otp_email', { challenges: { otpEmail: returned.otpEmail } }],
];

describe('the user', () => {
  test('is found by id, and by login name in any spelling', async () => {
    const username = unique('Größe ﬁ');
    const userId = await createHuman(server, { username });
    for (const user of [byId(userId), ...[username, username.toUpperCase(), `  ${username.normalize('NFD')} `].map(byName)]) {
      const { sessionId } = await sessions.createSession({ checks: { user } });
      expect((await factorsOf(sessionId))?.user).toMatchObject({ id: userId, loginName: username, ...verifiedAt() });
    }
  });

  test('is not found by anything else, nor once deleted', async () => {
    const { userId, email, phone } = await createPerson(server);
    const gone = await createHuman(server, { username: unique('gone') });
    await users.deleteUser({ userId: gone });
    for (const name of [email, phone, userId, 'nobody', '%', '']) {
      for (const checks of [{}, { password: { password } }])
        expect(await create({ ...checks, user: byName(name) }), name).toBe(name ? notFound : 'InvalidArgument INVALID_REQUEST');
    }
    for (const id of [gone, email, 'nobody', ` ${userId}`]) expect(await create({ user: byId(id) }), id).toBe(notFound);
  });

  test.each([
    ['locked', 'FailedPrecondition USER_LOCKED'],
    ['inactive', 'FailedPrecondition USER_NOT_ACTIVE'],
    ['initial', 'ok'],
    ['active', 'ok'],
  ])('who is %s, by id, name, with and without password', async (state, expected) => {
    const { userId, username } = await createPerson(server);
    await setState(userId, state);
    for (const user of [byId(userId), byName(username)]) {
      expect([await create({ user }), await create({ user, password: { password } })]).toEqual([expected, expected]);
      const wrong = expected === 'ok' ? 'InvalidArgument PASSWORD_WRONG' : expected;
      expect(await create({ user, password: { password: wrongPassword } })).toBe(wrong);
    }
  });

  test('is renewed by himself, and nobody else takes the session over', async () => {
    const { userId } = await createPerson(server);
    const another = await createPerson(server);
    const { sessionId } = await sessions.createSession({ checks: { user: byId(userId), password: { password } } });
    const before = await stateOf(server, userId, sessionId);
    later(60);
    for (const user of [byId(another.userId), byName(another.username)]) {
      expect(await set(sessionId, { user, password: { password } })).toBe('InvalidArgument SESSION_USER_DIFFERENT');
      expect(await brokenFields(sessions.setSession({ sessionId, checks: { user } }))).toEqual(['checks.user']);
    }
    expect(await set(sessionId, { user: byId('nobody') })).toBe(notFound);
    expect(await stateOf(server, userId, sessionId)).toEqual(before);
    expect(await set(sessionId, { user: byId(userId) })).toBe('ok');
    const factors = await factorsOf(sessionId);
    expect(factors?.user).toMatchObject(verifiedAt());
    expect(factors?.password?.verifiedAt?.seconds).toBe(BigInt(epoch.getTime() / 1000));
  });

  test('may be a machine, which has nothing that could be checked', async () => {
    const sessionId = await openSession(sessions, await createMachine(server));
    const reasons = await Promise.all(
      anyChanges.map(async ([, change]) => outcome(sessions.setSession({ sessionId, ...change }))),
    );
    expect(reasons).toEqual([
      'FailedPrecondition PASSWORD_NOT_SET',
      'PermissionDenied INTENT_UNKNOWN',
      'FailedPrecondition CHALLENGE_ABSENT',
      'FailedPrecondition TOTP_ABSENT',
      'FailedPrecondition OTP_ABSENT',
      'FailedPrecondition OTP_ABSENT',
      'FailedPrecondition RECOVERY_CODES_ABSENT',
      'FailedPrecondition CREDENTIAL_ABSENT',
      'FailedPrecondition OTP_ABSENT',
      'FailedPrecondition OTP_ABSENT',
    ]);
  });
});

describe.each(anyChanges)('%s', (name, change) => {
  const isPassword = name === 'the check password';

  test('needs a user', async () => {
    const { sessionId } = await sessions.createSession({});
    const expected = 'FailedPrecondition SESSION_USER_MISSING';
    expect(await outcome(sessions.setSession({ sessionId, ...change }))).toBe(expected);
    expect(await outcome(sessions.createSession(change))).toBe(expected);
  });

  // As a session would be found while its user is being locked.
  test.each([
    ['locked', 'FailedPrecondition USER_LOCKED'],
    ['inactive', 'FailedPrecondition USER_NOT_ACTIVE'],
    ['initial', isPassword ? 'FailedPrecondition PASSWORD_NOT_SET' : 'FailedPrecondition USER_INITIAL'],
  ])('of somebody who is %s', async (state, expected) => {
    const userId = await createHuman(server);
    const sessionId = await openSession(sessions, userId);
    await setState(userId, state);
    expect(await outcome(sessions.setSession({ sessionId, ...change }))).toBe(expected);
    const again = { ...change, checks: { ...change.checks, user: byId(userId) } };
    expect(await outcome(sessions.setSession({ sessionId, ...again }))).toBe(expected);
  });

  test('of somebody who was locked, deactivated or deleted finds no session, and not the user either', async () => {
    for (const [fall, expected] of [
      ['lockUser', 'FailedPrecondition USER_LOCKED'],
      ['deactivateUser', 'FailedPrecondition USER_NOT_ACTIVE'],
      ['deleteUser', notFound],
    ] as const) {
      const userId = await createHuman(server);
      const sessionId = await openSession(sessions, userId);
      await users[fall]({ userId });
      expect(await outcome(sessions.setSession({ sessionId, ...change }))).toBe('NotFound SESSION_NOT_FOUND');
      const again = { ...change, checks: { ...change.checks, user: byId(userId) } };
      expect(await outcome(sessions.createSession(again))).toBe(expected);
    }
  });
});

describe('a password', () => {
  test('that is right is a factor of whom it is brought for, of initial users too', async () => {
    const { userId } = await createPerson(server);
    await setState(userId, 'initial');
    const { sessionId } = await sessions.createSession({ checks: { user: byId(userId), password: { password } } });
    expect((await factorsOf(sessionId))?.password).toMatchObject(verifiedAt());
    later(60);
    expect(await set(sessionId, { password: { password } })).toBe('ok');
    expect((await factorsOf(sessionId))?.password).toMatchObject(verifiedAt());
  });

  test('that is wrong says which field, and how often in a row', async () => {
    const { userId } = await createPerson(server);
    const sessionId = await openSession(sessions, userId);
    const checks = { password: { password: wrongPassword } };
    for (const failedAttempts of [1, 2, 3]) {
      const told = await credentialsError(sessions.setSession({ sessionId, checks }));
      expect(told).toMatchObject({ id: 'PASSWORD_WRONG', message: expect.stringContaining('wrong'), failedAttempts });
    }
    expect(await brokenFields(sessions.setSession({ sessionId, checks }))).toEqual(['checks.password.password']);
    expect(await set(sessionId, { password: { password } })).toBe('ok');
    expect((await credentialsError(sessions.setSession({ sessionId, checks })))?.failedAttempts).toBe(1);
  });

  // The session ends with a lock that goes through the service: only one that comes in between finds it still there.
  test('of somebody who is locked says how often it was wrong', async () => {
    const { userId } = await createPerson(server);
    const sessionId = await openSession(sessions, userId);
    await set(sessionId, { password: { password: wrongPassword } });
    await setState(userId, 'locked');
    const refused = sessions.setSession({ sessionId, checks: { password: { password } } });
    expect(await credentialsError(refused)).toMatchObject({ id: 'USER_LOCKED', failedAttempts: 1 });
  });

  test('is not looked at where none is set', async () => {
    const user = byId(await createHuman(server));
    expect(await create({ user, password: { password } })).toBe('FailedPrecondition PASSWORD_NOT_SET');
  });

  test('in an outdated hash gets a new one', async () => {
    // By Passlib.
    const hash = '$pbkdf2-sha256$1000$cmFuZG9tc2FsdGlzaGFyZA$rtpDm.fG6VRV6e/HJcPmsKZT8jCQ0asDefcWj1KvENc';
    const userId = await createHuman(server, { passwordType: { case: 'hashedPassword', value: { hash } } });
    const sessionId = await openSession(sessions, userId);
    expect(await set(sessionId, { password: { password: 'Pässwörd-1 🔑' } })).toBe('ok');
    const [row] = await server.sql<{ hash: string }[]>`select hash from user_passwords where user_id = ${userId}`;
    expect(row?.hash).toMatch(/^\$argon2id\$/);
    expect(await set(sessionId, { password: { password: 'Pässwörd-1 🔑' } })).toBe('ok');
  });
});

describe('a code of an app', () => {
  test('is right once, one step early or late', async () => {
    const { userId } = await createPerson(server);
    const sessionId = await openSession(sessions, userId);
    for (const seconds of [-60, 60]) expect(await set(sessionId, { totp: { code: shown(server, seconds) } })).toBe(codeWrong);
    const code = shown(server, -30);
    const call = sessions.setSession({ sessionId, checks: { totp: { code: wrongOf(code) } } });
    expect(await brokenFields(call)).toEqual(['checks.totp.code']);
    expect(await set(sessionId, { totp: { code } })).toBe('ok');
    expect((await factorsOf(sessionId))?.totp).toMatchObject(verifiedAt());
    expect(await set(sessionId, { totp: { code } })).toBe(codeWrong);
    expect(await set(await openSession(sessions, userId), { totp: { code } })).toBe(codeWrong);
    expect(await set(sessionId, { totp: { code: shown(server, 30) } })).toBe('ok');
    expect(await set(sessionId, { totp: { code: shown(server) } })).toBe(codeWrong);
  });

  test('counts for nothing before its first verification', async () => {
    const userId = await createHuman(server);
    await users.registerTOTP({ userId });
    const sessionId = await openSession(sessions, userId);
    expect(await set(sessionId, { totp: { code: '000000' } })).toBe('FailedPrecondition TOTP_ABSENT');
  });
});

test('a recovery code is right once, in any session, however it is typed, until none is left', async () => {
  const userId = await createHuman(server);
  const none = 'FailedPrecondition RECOVERY_CODES_ABSENT';
  const sessionId = await openSession(sessions, userId);
  const use = (code: string, id = sessionId) => set(id, { recoveryCode: { code } });
  expect(await use('00000-00000')).toBe(none);
  const { recoveryCodes } = await users.generateRecoveryCodes({ userId, count: 2 });
  const [first = '', second = ''] = recoveryCodes;
  for (const wrong of [`${first}0`, '0'.repeat(200), '🦉']) expect(await use(wrong)).toBe(codeWrong);
  expect(await use(first.toUpperCase().replace('-', ''))).toBe('ok');
  expect((await factorsOf(sessionId))?.recoveryCode).toMatchObject(verifiedAt());
  expect([await use(first), await use(first, await openSession(sessions, userId))]).toEqual([codeWrong, codeWrong]);
  expect(await use(second, await openSession(sessions, userId))).toBe('ok');
  expect(await use(second)).toBe(none);
});
