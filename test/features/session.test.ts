import { beforeAll, describe, expect, test } from 'vitest';
import { type Actor, createHuman, createInstanceManager, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let login: Actor;

beforeAll(async () => {
  server = await startServer();
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
});

const password = 'Passw0rd!';
const person = (username = unique('person')) =>
  createHuman(server, { username, passwordType: { case: 'password', value: { password, changeRequired: false } } });

test('a person signs in by password, and calls as himself', async () => {
  const username = unique('ada');
  const userId = await person(username);
  const { sessionId, sessionToken, details } = await login.sessions.createSession({
    checks: { user: { search: { case: 'loginName', value: username.toUpperCase() } }, password: { password } },
    metadata: { theme: Buffer.from('dark') },
    userAgent: { ip: '::ffff:1.2.3.4', fingerprintId: 'browser' },
    lifetime: { seconds: 60n },
  });
  expect(details?.sequence).toBe(1n);
  const { session } = await login.sessions.getSession({ sessionId });
  expect(session).toMatchObject({ id: sessionId, factors: { user: { id: userId, loginName: username }, password: {} } });
  const self = server.as(sessionToken);
  expect((await self.users.getUserByID({ userId })).user?.userId).toBe(userId);
  expect(await outcome(self.users.getUserByID({ userId: login.id }))).toBe('NotFound USER_NOT_FOUND');
  const again = await login.sessions.setSession({ sessionId, metadata: { theme: Buffer.from('light') } });
  expect(await outcome(self.users.getUserByID({ userId }))).toBe('Unauthenticated UNAUTHENTICATED');
  expect((await server.as(again.sessionToken).users.getUserByID({ userId })).user?.userId).toBe(userId);
  expect((await login.sessions.listSessions({})).sessions).toHaveLength(1);
  await login.sessions.deleteSession({ sessionId });
  expect(await outcome(server.as(again.sessionToken).users.getUserByID({ userId }))).toBe('Unauthenticated UNAUTHENTICATED');
  expect(await outcome(login.sessions.deleteSession({ sessionId }))).toBe('ok');
});

describe('a check', () => {
  test('wrong password', async () => {
    const userId = await person();
    const checks = { user: { search: { case: 'userId', value: userId } }, password: { password: 'Wrong!1x' } } as const;
    expect(await outcome(login.sessions.createSession({ checks }))).toBe('InvalidArgument PASSWORD_WRONG');
    const { sessionId, sessionToken } = await login.sessions.createSession({ checks: { user: checks.user } });
    expect(await outcome(server.as(sessionToken).users.getUserByID({ userId }))).toBe('PermissionDenied SESSION_UNPROVEN');
    expect(await outcome(login.sessions.setSession({ sessionId, checks: { totp: { code: '123456' } } }))).toBe(
      'FailedPrecondition TOTP_ABSENT',
    );
    expect(await outcome(login.sessions.setSession({ sessionId, checks: { recoveryCode: { code: '123456' } } }))).toBe(
      'FailedPrecondition RECOVERY_CODES_ABSENT',
    );
    expect(await outcome(login.sessions.setSession({ sessionId, checks: { otpEmail: { code: '123456' } } }))).toBe(
      'FailedPrecondition OTP_ABSENT',
    );
    await login.users.addOTPEmail({ userId });
    expect(await outcome(login.sessions.setSession({ sessionId, checks: { otpEmail: { code: '123456' } } }))).toBe(
      'FailedPrecondition CHALLENGE_ABSENT',
    );
    const { challenges } = await login.sessions.setSession({
      sessionId,
      challenges: { otpEmail: { deliveryType: { case: 'returnCode', value: {} } } },
    });
    expect(challenges?.otpEmail).toMatch(/^\d{8}$/);
    expect(await outcome(login.sessions.setSession({ sessionId, checks: { otpEmail: { code: '123456' } } }))).toBe(
      'InvalidArgument CODE_WRONG',
    );
    const [row] = await server.sql`select failures from session_codes where session_id = ${sessionId}`;
    expect(row?.failures).toBe(1);
    const set = await login.sessions.setSession({
      sessionId,
      checks: { password: { password }, otpEmail: { code: challenges?.otpEmail ?? '' } },
    });
    expect(await outcome(server.as(set.sessionToken).users.getUserByID({ userId }))).toBe('ok');
  });
});
