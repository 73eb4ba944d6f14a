// Of a call with several checks all happen, or none.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHuman } from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import {
  byId,
  type Change,
  type Checks,
  createPerson,
  loginOf,
  openSession,
  openWithAll,
  passkeyWanted,
  password,
  returned,
  type Sessions,
  stateOf,
  wrongPassword,
} from '../support/signIn.ts';

const passwordWrong = 'InvalidArgument PASSWORD_WRONG';
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

const set = (sessionId: string, checks: Checks) => outcome(sessions.setSession({ sessionId, checks }));
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('a call with several checks', () => {
  test('makes all of them', async () => {
    const { userId, sessionId, right } = await openWithAll(server, sessions);
    const next = await sessions.setSession({ sessionId, checks: { user: byId(userId), ...right } });
    const factors = (await sessions.getSession({ sessionId })).session?.factors ?? {};
    const made = Object.entries(factors).filter(([, factor]) => typeof factor === 'object');
    expect(made.map(([name]) => name).sort()).toEqual([
      'otpEmail',
      'otpSms',
      'password',
      'recoveryCode',
      'totp',
      'user',
      'webAuthN',
    ]);
    expect(await outcome(server.as(next.sessionToken).users.getUserByID({ userId }))).toBe('ok');
    const { codes, challenges } = await stateOf(server, userId, sessionId);
    expect([codes, challenges]).toEqual([[], []]);
  });

  const lastWrong: [string, Change, string, Record<string, number>, Record<string, number>][] = [
    ['a wrong code', { checks: { otpEmail: { code: 'wrong' } } }, codeWrong, { otp: 1 }, { email: 1, sms: 0 }],
    ['a wrong recovery code', { checks: { recoveryCode: { code: 'wrong' } } }, codeWrong, { otp: 1 }, { email: 0, sms: 0 }],
    [
      'an intent that nobody knows',
      { checks: { idpIntent: { idpIntentId: '1', idpIntentToken: '2' } } },
      'PermissionDenied INTENT_UNKNOWN',
      {},
      { email: 0, sms: 0 },
    ],
    [
      'a challenge that cannot be made',
      { challenges: { webAuthN: { ...passkeyWanted, domain: 'x.example.com' }, ...returned } },
      'FailedPrecondition CREDENTIAL_ABSENT',
      {},
      { email: 0, sms: 0 },
    ],
  ];
  test.each(lastWrong)('is undone by %s; only the wrong try stays', async (_, wrong, told, tries, codeFailures) => {
    const { userId, sessionId, sessionToken, right } = await openWithAll(server, sessions);
    for (let n = 0; n < 2; n++) await set(sessionId, { password: { password: wrongPassword } });
    const before = await stateOf(server, userId, sessionId);
    const change = { metadata: { theme: bytes('light') }, lifetime: { seconds: 60n }, challenges: returned, ...wrong };
    expect(await outcome(sessions.setSession({ sessionId, ...change, checks: { ...right, ...wrong.checks } }))).toBe(told);
    expect(await stateOf(server, userId, sessionId)).toEqual({ ...before, tries: { password: 2, ...tries }, codeFailures });
    expect(await outcome(sessions.getSession({ sessionId, sessionToken }))).toBe('ok');
    // Nothing was used up.
    expect(await set(sessionId, right)).toBe('ok');
    expect((await stateOf(server, userId, sessionId)).tries).toEqual({});
  });

  test('tells the history of its user which were right, in both calls', async () => {
    const { userId, sessionId: first, right } = await openWithAll(server, sessions);
    await server.sql`delete from user_events where user_id = ${userId}`;
    const user = byId(userId);
    const { sessionId, details } = await sessions.createSession({ checks: { user, password: { password } } });
    await sessions.setSession({ sessionId: first, checks: { password: { password }, recoveryCode: right.recoveryCode } });
    const caller = (await server.sql`select creator_id from sessions where id = ${sessionId}`)[0]?.creator_id;
    const events =
      await server.sql`select type, payload, caller_id, sequence from user_events where user_id = ${userId} order by sequence`;
    const [after] = await server.sql`select sequence from users where id = ${userId}`;
    expect(events.map(({ type, payload, caller_id }) => ({ type, payload, caller_id }))).toEqual([
      { type: 'session.checked', payload: { session: sessionId, factors: ['user', 'password'] }, caller_id: caller },
      { type: 'session.checked', payload: { session: first, factors: ['password', 'recovery-code'] }, caller_id: caller },
    ]);
    expect(events.at(-1)?.sequence).toBe(after?.sequence);
    expect(details?.sequence).toBe(1n);
  });

  test('that are the user and the password alone takes four statements', async () => {
    const checks = { user: byId((await createPerson(server)).userId), password: { password } };
    server.statements();
    await sessions.createSession({ checks });
    expect(server.statements()).toHaveLength(4);
  });

  test('makes no session when one is wrong', async () => {
    const { userId, sessionId, right } = await openWithAll(server, sessions);
    const before = await stateOf(server, userId, sessionId);
    const checks = { user: byId(userId), password: { password }, totp: right.totp, recoveryCode: { code: 'wrong' } };
    const creation = { checks, challenges: returned, metadata: { k: bytes('v') } };
    expect(await outcome(sessions.createSession(creation))).toBe(codeWrong);
    expect(await stateOf(server, userId, sessionId)).toEqual({ ...before, tries: { otp: 1 } });
    const [events] = await server.sql`select count(*)::int as failed from user_events
      where user_id = ${userId} and type = 'session.check.failed'`;
    expect(events?.failed).toBe(1);
    expect(await outcome(sessions.createSession({ ...creation, checks: { ...checks, recoveryCode: right.recoveryCode } }))).toBe(
      'ok',
    );
  });

  test('tells the first that is wrong', async () => {
    const { userId, sessionId } = await openWithAll(server, sessions);
    await server.sql`delete from session_challenges where session_id = ${sessionId}`;
    const another = await createHuman(server);
    const wrong: [keyof Checks, Checks, string, string[]][] = [
      ['user', { user: byId(another) }, 'InvalidArgument SESSION_USER_DIFFERENT', ['checks.user']],
      ['password', { password: { password: wrongPassword } }, passwordWrong, ['checks.password.password']],
      ['idpIntent', { idpIntent: { idpIntentId: '1', idpIntentToken: '2' } }, 'PermissionDenied INTENT_UNKNOWN', []],
      ['webAuthN', { webAuthN: { credentialAssertionData: {} } }, 'FailedPrecondition CHALLENGE_ABSENT', []],
      ['totp', { totp: { code: 'wrong!' } }, codeWrong, ['checks.totp.code']],
      ['otpSms', { otpSms: { code: 'wrong' } }, codeWrong, ['checks.otp_sms.code']],
      ['otpEmail', { otpEmail: { code: 'wrong' } }, codeWrong, ['checks.otp_email.code']],
      ['recoveryCode', { recoveryCode: { code: 'wrong' } }, codeWrong, ['checks.recovery_code.code']],
    ];
    const challenges = { webAuthN: { ...passkeyWanted, domain: 'x.example.com' } };
    for (const [index, [name, , told, fields]] of wrong.entries()) {
      const checks: Checks = Object.assign({}, ...wrong.slice(index).map(([, each]) => each));
      const call = sessions.setSession({ sessionId, checks, challenges });
      expect([name, await outcome(call), await brokenFields(call)]).toEqual([name, told, fields]);
    }
    const { tries } = await stateOf(server, userId, sessionId);
    expect(tries).toEqual({ password: 1, otp: 4 });
  });

  test('tells one challenge after the other', async () => {
    const userId = await createHuman(server, {
      phone: { phone: '+41781234567', verification: { case: 'isVerified', value: true } },
    });
    await users.addOTPSMS({ userId });
    await users.setPhone({ userId, phone: '+41781234568' });
    const sessionId = await openSession(sessions, userId);
    const asked = { webAuthN: passkeyWanted, ...returned };
    const ask = (challenges: Partial<typeof asked>) => outcome(sessions.setSession({ sessionId, challenges }));
    expect(await ask(asked)).toBe('FailedPrecondition CREDENTIAL_ABSENT');
    expect(await ask(returned)).toBe('FailedPrecondition PHONE_NOT_VERIFIED');
    expect(await ask({ otpEmail: returned.otpEmail })).toBe('FailedPrecondition OTP_ABSENT');
  });
});
