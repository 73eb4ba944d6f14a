// A session's token as a bearer: for whom it stands, and when it does.

import { ConnectError } from '@connectrpc/connect';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TryLimits } from '../../src/kernel/networks.ts';
import { accessOf } from '../../src/server/access.ts';
import { type Actor, createHuman, createInstanceManager, createMachine, createOrganization, grant } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { remember } from '../support/isolation/memory.ts';
import { served } from '../support/rawCalls.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';
import { createPerson, type Desk, equip, type Factor, type Person, secondFactors, show, signIn } from '../support/sessions.ts';

const ok = 'ok';
const unauthenticated = 'Unauthenticated UNAUTHENTICATED';
const unproven = 'PermissionDenied SESSION_UNPROVEN';
const mfaNeeded = 'PermissionDenied MFA_NEEDED';
const triesPerNetwork = 3;

let server: TestServer;
/** Demands two factors of everybody. */
let strict: TestServer;
let login: Actor;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_TRIES_PER_NETWORK: '1000' } });
  strict = await startServer({ beside: server, env: { ROSTER_REQUIRE_MFA: 'on' } });
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
});

const setTime = (ms: number) => {
  for (const each of [server, strict]) each.setTime(new Date(epoch.getTime() + ms));
};

beforeEach(() => setTime(0));

const at = (person: Person): Desk => ({ server, login, person });

/** What its token is good for. */
const bearer = (token: string, at: TestServer = server) => outcome(at.as(token).users.listUsers({}));

const userOnly = async (userId: string) => {
  const { sessionId: id, sessionToken: token } = await login.sessions.createSession({
    checks: { user: { search: { case: 'userId', value: userId } } },
  });
  return { id, token };
};

describe('the level of', () => {
  const single: Factor[] = ['password', 'passkey', ...secondFactors];
  const table: [factors: Factor[], level: 0 | 1 | 2][] = [
    [[], 0],
    ...single.map((factor): [Factor[], 1 | 2] => [[factor], factor === 'passkey' ? 2 : 1]),
    ...secondFactors.map((second): [Factor[], 2] => [['password', second], 2]),
    ...secondFactors.flatMap((one, at) => secondFactors.slice(at + 1).map((other): [Factor[], 1] => [[one, other], 1])),
    [[...secondFactors], 1],
  ];
  let desk: Desk;

  beforeAll(async () => {
    desk = at(await createPerson(server, single));
    // More codes than come at once.
    await equip(server, desk.person, 'recoveryCode');
  });

  test.each(table)('%j is %i', async (factors, level) => {
    const { token } = await signIn(desk, factors);
    const expected = [unproven, mfaNeeded, ok][level];
    expect([await bearer(token), await bearer(token, strict)]).toEqual([expected, expected]);
  });

  test('a key that stands beside another factor is two when it verified its user', async () => {
    const session = await signIn(desk, ['u2f']);
    await server.sql`update sessions set webauthn_user_verified = true where id = ${session.id}`;
    expect(await bearer(session.token)).toBe(ok);
  });
});

describe('two factors are needed', () => {
  test('of everybody where the operator wants it', async () => {
    const session = await signIn(at(await createPerson(server, ['password'])));
    expect([await bearer(session.token), await bearer(session.token, strict)]).toEqual([ok, mfaNeeded]);
  });

  test.each(['passkey', 'u2f', 'totp', 'otpSms', 'otpEmail'] as const)(
    'as soon as %s is set up, in the very session that did it',
    async (factor) => {
      const person = await createPerson(server, ['password']);
      const session = await signIn(at(person));
      const other = await signIn(at(person));
      await equip(server, person, factor, server.as(session.token));
      expect([await bearer(session.token), await bearer(other.token)]).toEqual([mfaNeeded, mfaNeeded]);
      await show(at(person), session, factor);
      expect([await bearer(session.token), await bearer(other.token)]).toEqual([ok, mfaNeeded]);
    },
  );

  test('not for recovery codes alone, nor for what nobody has finished', async () => {
    const person = await createPerson(server, ['password', 'recoveryCode']);
    const { userId } = person;
    const { users } = server.as();
    await Promise.all([users.registerTOTP({ userId }), users.registerPasskey({ userId }), users.registerU2F({ userId })]);
    expect(await bearer((await signIn(at(person))).token)).toBe(ok);
  });
});

describe('what is wrong is told in this order:', () => {
  let person: Person;

  beforeEach(async () => {
    const organizationId = await createOrganization(server);
    person = await createPerson(server, ['password', 'totp'], organizationId);
  });

  const initialize = (userId: string) => server.sql`update users set state = 'initial' where id = ${userId}`;
  const closeOrganization = (userId: string) =>
    server.sql`update organizations set state = 'inactive' where id = (select organization_id from users where id = ${userId})`;

  test.each<[string, (userId: string) => Promise<unknown>]>([
    ['not yet initialised', initialize],
    ['of a closed organization', closeOrganization],
  ])('a user %s, before what was checked', async (_, close) => {
    const tokens = [await userOnly(person.userId), await signIn(at(person)), await signIn(at(person), ['password', 'totp'])].map(
      ({ token }) => token,
    );
    expect(await Promise.all(tokens.map((token) => bearer(token)))).toEqual([unproven, mfaNeeded, ok]);
    await close(person.userId);
    expect(await Promise.all(tokens.map((token) => bearer(token)))).toEqual(Array(3).fill(unauthenticated));
  });

  test('nothing checked, before a second factor that is missing', async () => {
    expect(await bearer((await userOnly(person.userId)).token, strict)).toBe(unproven);
  });

  const withToken = served.filter(([, method]) => accessOf(method)?.on !== 'nothing');

  test('all of it before anything of the request, in every call: nothing of what a thief would do with one factor', async () => {
    const nothing = (await userOnly(person.userId)).token;
    const { token: one } = await signIn(at(person));
    const { token: old, id: sessionId } = await signIn(at(person), ['password', 'totp']);
    await login.sessions.setSession({ sessionId, metadata: { a: Buffer.from('b') } });
    const memory = await remember(server.sql);
    for (const [name, method] of withToken) {
      const told = [nothing, one, old].map((token) =>
        outcome(server.transport('connect', token).unary(method, undefined, undefined, undefined, {})),
      );
      expect([name, ...(await Promise.all(told))]).toEqual([name, unproven, mfaNeeded, unauthenticated]);
    }
    expect(await memory.undo()).toEqual([]);
  });
});

test('a machine has nothing that could be checked', async () => {
  const { id: sessionId, token } = await userOnly(await createMachine(server));
  expect(await bearer(token)).toBe(unproven);
  const checks = { password: { password: 'Passw0rd!' } };
  expect(await outcome(login.sessions.setSession({ sessionId, checks }))).toBe('FailedPrecondition PASSWORD_NOT_SET');
});

test('a person is himself and nobody else, with the memberships of this moment', async () => {
  const person = await createPerson(server, ['password']);
  const { userId } = person;
  const other = await createHuman(server);
  const { token } = await signIn(at(person));
  const { users } = server.as(token);
  const profile = { givenName: 'Grace', familyName: 'Hopper' };
  const human = (id: string) => ({ userId: id, userType: { case: 'human', value: { profile } } }) as const;
  const reads = () => Promise.all([userId, other].map((id) => outcome(users.getUserByID({ userId: id }))));
  expect(await reads()).toEqual([ok, 'NotFound USER_NOT_FOUND']);
  expect(await outcome(users.updateUser(human(userId)))).toBe(ok);
  expect(await outcome(users.updateUser(human(other)))).toBe('NotFound USER_NOT_FOUND');
  expect(await outcome(users.registerTOTP({ userId: other }))).toBe('NotFound USER_NOT_FOUND');
  expect(await outcome(users.registerTOTP({ userId }))).toBe(ok);
  expect(await outcome(users.deactivateUser({ userId }))).toBe('PermissionDenied PERMISSION_DENIED');
  await grant(server, userId, ['IAM_OWNER_VIEWER']);
  expect(await reads()).toEqual([ok, ok]);
  await grant(server, userId, []);
  expect(await reads()).toEqual([ok, 'NotFound USER_NOT_FOUND']);
  const [event] = await server.sql`
    select caller_id from user_events where user_id = ${userId} and type = 'totp.registered'`;
  expect(event?.caller_id).toBe(userId);
});

describe('a token that is none', () => {
  const told = (token: string) =>
    server
      .as(token)
      .users.listUsers({})
      .then(() => ok)
      .catch((error: unknown) => {
        const { code, rawMessage, details } = ConnectError.from(error);
        return { code, rawMessage, details: details.map((detail) => ('type' in detail ? detail : '')) };
      });

  test('is refused like any other, whatever is wrong with it', async () => {
    const person = await createPerson(server, ['password']);
    const stranger = await told('roster_pat_nobody');
    const { token } = await signIn(at(person));
    const flipped = token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.at(-1);
    const malformed = [token.slice(0, -1), token.slice(0, -8), `${token}A`, flipped, token.toUpperCase(), 'roster_session_'];
    const otherKind = token.replace('session', 'pat');
    expect(await told(token)).toBe(ok);
    for (const wrong of [...malformed, otherKind]) expect([wrong, await told(wrong)]).toEqual([wrong, stranger]);
  });

  test('nor was one for long: replaced, ended or expired', async () => {
    const person = await createPerson(server, ['password']);
    const stranger = await told('roster_pat_nobody');
    const [replaced, ended, expired] = await Promise.all([1, 2, 3].map(() => signIn(at(person))));
    if (!replaced || !ended || !expired) throw new Error('three sessions were opened');
    const { token: first } = replaced;
    const set = await login.sessions.setSession({ sessionId: replaced.id, metadata: { a: Buffer.from('b') } });
    expect([await told(first), await told(set.sessionToken)]).toEqual([stranger, ok]);
    await login.sessions.deleteSession({ sessionId: ended.id });
    expect(await told(ended.token)).toEqual(stranger);
    const short = await login.sessions.setSession({ sessionId: expired.id, lifetime: { seconds: 60n } });
    setTime(60_000 - 1);
    expect(await told(short.sessionToken)).toBe(ok);
    setTime(60_000);
    expect(await told(short.sessionToken)).toEqual(stranger);
  });

  test('counts for the network that sends it; one that proves too little does not', async () => {
    const person = await createPerson(server, ['password', 'totp']);
    const { token: half } = await signIn(at(person));
    const { token: whole } = await signIn(at(person), ['password', 'totp']);
    server.app.tryLimits = new TryLimits(triesPerNetwork);
    for (let n = 0; n <= triesPerNetwork; n++) expect(await bearer(half)).toBe(mfaNeeded);
    for (let n = 0; n < triesPerNetwork; n++) expect(await bearer(`roster_session_${n}`)).toBe(unauthenticated);
    expect(await bearer('roster_session_more')).toBe('ResourceExhausted TRIED_TOO_OFTEN');
    expect(await bearer(whole)).toBe(ok);
    server.app.tryLimits = new TryLimits(1000);
  });
});
