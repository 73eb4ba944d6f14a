import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHuman, createStranger, grant, homeOf, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';
import {
  askCodes,
  byId,
  byName,
  type Change,
  createPerson,
  loginOf,
  openSession,
  password,
  returned,
  type Sessions,
} from '../support/signIn.ts';

const tokenWrong = 'PermissionDenied SESSION_TOKEN_WRONG';
const expired = 'FailedPrecondition SESSION_EXPIRED';
const unauthenticated = 'Unauthenticated UNAUTHENTICATED';

let server: TestServer;
let sessions: Sessions;
let other: Sessions;

beforeAll(async () => {
  server = await startServer();
  sessions = await loginOf(server);
  other = await loginOf(await startServer({ beside: server }));
});

beforeEach(() => server.setTime(epoch));

const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const read = async (sessionId: string) => (await sessions.getSession({ sessionId })).session;
const proves = (sessionId: string, sessionToken: string) => outcome(sessions.getSession({ sessionId, sessionToken }));
const texts = (metadata: Record<string, Uint8Array> = {}) =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString()]));

test('a person signs in by login name and password, and calls as himself until the session ends', async () => {
  const { userId, username } = await createPerson(server);
  const { sessionId, sessionToken } = await sessions.createSession({
    checks: { user: byName(username), password: { password } },
    challenges: returned,
  });
  expect(await outcome(server.as(sessionToken).users.getUserByID({ userId }))).toBe('PermissionDenied MFA_NEEDED');
  const { email } = await askCodes(sessions, sessionId);
  const checked = await sessions.setSession({ sessionId, checks: { otpEmail: { code: email } } });
  const self = server.as(checked.sessionToken).users;
  expect((await self.getUserByID({ userId })).user?.userId).toBe(userId);
  expect(await outcome(self.getUserByID({ userId: await createHuman(server) }))).toBe('NotFound USER_NOT_FOUND');
  const verifiedAt = { seconds: BigInt(epoch.getTime() / 1000) };
  expect((await read(sessionId))?.factors).toMatchObject({
    user: { verifiedAt, id: userId, loginName: username, displayName: 'Ada Lovelace', organizationId: await homeOf(server) },
    password: { verifiedAt },
    otpEmail: { verifiedAt },
  });
  await sessions.deleteSession({ sessionId });
  expect(await outcome(self.getUserByID({ userId }))).toBe(unauthenticated);
});

test('a session without checks has no factors, and its token proves nothing', async () => {
  const { details, sessionId, sessionToken, challenges } = await sessions.createSession({});
  const [instance] = await server.sql`select id from instances`;
  expect(details).toMatchObject({ sequence: 1n, resourceOwner: instance?.id, changeDate: { seconds: 1767268800n } });
  expect(details?.creationDate).toBeUndefined();
  expect([sessionToken === '', challenges]).toEqual([false, undefined]);
  expect(await read(sessionId)).toMatchObject({ id: sessionId, sequence: 1n, metadata: {} });
  const shown = await read(sessionId);
  expect([shown?.factors, shown?.userAgent, shown?.expirationDate]).toEqual([undefined, undefined, undefined]);
  expect(await outcome(server.as(sessionToken).users.listUsers({}))).toBe(unauthenticated);
});

test('who may not write sessions learns nothing of users or sessions', async () => {
  const person = await createPerson(server);
  const sessionId = await openSession(sessions, person.userId);
  const stranger = await createStranger(server);
  const checks = { user: byName('nobody'), password: { password } };
  for (const user of [byName('nobody'), byId(person.userId)]) {
    expect(await outcome(stranger.sessions.createSession({ checks: { ...checks, user } }))).toBe(
      'PermissionDenied PERMISSION_DENIED',
    );
    for (const id of [sessionId, 'unknown']) {
      expect(await outcome(stranger.sessions.setSession({ sessionId: id, checks: { ...checks, user } }))).toBe(
        'NotFound SESSION_NOT_FOUND',
      );
    }
  }
  await grant(server, stranger.id, ['ORG_OWNER'], await homeOf(server));
  expect(await outcome(stranger.sessions.createSession({}))).toBe('PermissionDenied PERMISSION_DENIED');
  expect(await outcome(stranger.sessions.setSession({ sessionId, checks }))).toBe('PermissionDenied PERMISSION_DENIED');
});

describe('the token', () => {
  const changes: [string, (userId: string) => Change][] = [
    ['a check', (userId) => ({ checks: { user: byId(userId) } })],
    ['a challenge', () => ({ challenges: returned })],
    ['metadata', () => ({ metadata: { theme: bytes('light') } })],
    ['the end of metadata', () => ({ metadata: { theme: bytes('') } })],
    ['a lifetime', () => ({ lifetime: { seconds: 60n } })],
  ];
  test.each(changes)('changes with %s', async (_, change) => {
    const { userId } = await createPerson(server);
    const { sessionId, sessionToken } = await sessions.createSession({
      checks: { user: byId(userId) },
      metadata: { theme: bytes('dark') },
    });
    const { sessionToken: next, details } = await sessions.setSession({ sessionId, ...change(userId) });
    expect([await proves(sessionId, sessionToken), await proves(sessionId, next)]).toEqual([tokenWrong, 'ok']);
    expect(details?.sequence).toBe(2n);
    expect((await read(sessionId))?.sequence).toBe(2n);
  });

  test.each<[string, Change]>([
    ['no field', {}],
    ['empty fields', { checks: {}, challenges: {}, metadata: {} }],
    ['equal metadata', { metadata: { theme: bytes('dark') } }],
    ['the end of metadata that is not there', { metadata: { missing: bytes(''), constructor: bytes(''), toString: bytes('') } }],
    ['a token, which is not looked at', { sessionToken: 'wrong' }],
  ])('stays with %s', async (_, change) => {
    const { sessionId, sessionToken, details } = await sessions.createSession({ metadata: { theme: bytes('dark') } });
    later(60);
    const set = await sessions.setSession({ sessionId, ...change });
    expect([set.sessionToken, set.details]).toEqual(['', details]);
    expect(await proves(sessionId, sessionToken)).toBe('ok');
  });

  test('of twenty calls at once exactly one is good afterwards', async () => {
    const { sessionId, sessionToken } = await sessions.createSession({});
    const calls = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? other : sessions).setSession({ sessionId, metadata: { [`k${n}`]: bytes('v') } }),
    );
    const tokens = (await Promise.all(calls)).map((set) => set.sessionToken);
    const proofs = await Promise.all([...tokens, sessionToken].map((token) => proves(sessionId, token)));
    expect(proofs.filter((each) => each === 'ok')).toHaveLength(1);
    const { metadata, sequence } = (await read(sessionId)) ?? {};
    expect([Object.keys(metadata ?? {}).length, sequence]).toEqual([20, 21n]);
  });

  test('of a session whose user two calls name at once is one user’s', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => createHuman(server)));
    const { sessionId } = await sessions.createSession({});
    const results = await Promise.all(
      ids.map((id, n) => outcome((n % 2 ? other : sessions).setSession({ sessionId, checks: { user: byId(id) } }))),
    );
    expect(results.filter((each) => each === 'ok')).toHaveLength(1);
    for (const each of results)
      expect(each).toMatch(/^(ok|InvalidArgument SESSION_USER_DIFFERENT|Aborted SESSION_USER_CHANGED)$/);
    expect((await read(sessionId))?.factors?.user?.id).toBe(ids[results.indexOf('ok')]);
  });
});

describe('the lifetime', () => {
  const endOf = async (sessionId: string) => {
    const end = (await read(sessionId))?.expirationDate;
    return end && Number(end.seconds) + end.nanos / 1e9 - epoch.getTime() / 1000;
  };

  test('counts from the call that sets it, and stays until another one does', async () => {
    const { sessionId } = await sessions.createSession({ lifetime: { seconds: 60n, nanos: 500_000_000 } });
    expect(await endOf(sessionId)).toBe(60.5);
    later(30);
    await sessions.setSession({ sessionId, metadata: { k: bytes('v') } });
    expect(await endOf(sessionId)).toBe(60.5);
    await sessions.setSession({ sessionId, lifetime: { seconds: 10n } });
    expect(await endOf(sessionId)).toBe(40);
  });

  test('over, nothing is changed and nobody signs in; it is still shown, read with its token, and ended', async () => {
    const userId = await createHuman(server, { passwordType: { case: 'password', value: { password } } });
    const checks = { user: byId(userId), password: { password } };
    const { sessionId, sessionToken } = await sessions.createSession({ checks, lifetime: { seconds: 60n } });
    later(59.999);
    expect(await outcome(server.as(sessionToken).users.getUserByID({ userId }))).toBe('ok');
    later(60);
    for (const change of [{}, { checks }, { checks: { user: byId('nobody') } }, { lifetime: { seconds: 600n } }]) {
      expect(await outcome(sessions.setSession({ sessionId, ...change }))).toBe(expired);
    }
    expect(await outcome(server.as(sessionToken).users.getUserByID({ userId }))).toBe(unauthenticated);
    expect(await proves(sessionId, sessionToken)).toBe('ok');
    const { sessions: found } = await sessions.listSessions({
      queries: [{ query: { case: 'idsQuery', value: { ids: [sessionId] } } }],
    });
    expect(found.map(({ id }) => id)).toEqual([sessionId]);
    expect(await outcome(sessions.deleteSession({ sessionId, sessionToken }))).toBe('ok');
  });

  test('is no longer than the operator lets it be, counted from the creation', async () => {
    const capped = await startServer({ env: { ROSTER_SESSION_LIFETIME: '1h' } });
    const login = await loginOf(capped);
    const endsAt = async (sessionId: string) => Number((await login.getSession({ sessionId })).session?.expirationDate?.seconds);
    const latest = epoch.getTime() / 1000 + 3600;
    const { sessionId } = await login.createSession({});
    expect(await endsAt(sessionId)).toBe(latest);
    expect(await endsAt((await login.createSession({ lifetime: { seconds: 7200n } })).sessionId)).toBe(latest);
    capped.setTime(new Date(epoch.getTime() + 1800_000));
    await login.setSession({ sessionId, lifetime: { seconds: 3000n } });
    expect(await endsAt(sessionId)).toBe(latest);
    await login.setSession({ sessionId, lifetime: { seconds: 60n } });
    expect(await endsAt(sessionId)).toBe(latest - 1740);
  });
});

describe('metadata', () => {
  test('is merged by key; an empty value removes one', async () => {
    const { sessionId } = await sessions.createSession({ metadata: { a: bytes('1'), b: bytes('2'), empty: bytes('') } });
    await sessions.setSession({ sessionId, metadata: { b: bytes(''), c: new Uint8Array([0, 255]), constructor: bytes('x') } });
    const { metadata } = (await read(sessionId)) ?? {};
    expect(metadata).toEqual({ a: bytes('1'), c: new Uint8Array([0, 255]), constructor: bytes('x') });
  });

  test('has room for a hundred keys, over all calls', async () => {
    const keys = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${from + n}`, bytes('v')]));
    const { sessionId, sessionToken } = await sessions.createSession({ metadata: keys(0, 100) });
    const tooLarge = 'InvalidArgument SESSION_METADATA_TOO_LARGE';
    expect(await outcome(sessions.setSession({ sessionId, metadata: keys(100, 1), lifetime: { seconds: 1n } }))).toBe(tooLarge);
    expect(await proves(sessionId, sessionToken)).toBe('ok');
    expect(await outcome(sessions.setSession({ sessionId, metadata: { k0: bytes(''), ...keys(100, 1) } }))).toBe('ok');
    expect(Object.keys(texts((await read(sessionId))?.metadata))).toHaveLength(100);
  });
});

describe('the user agent', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0::0001', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', undefined],
    ['fe80::1%eth0.100', undefined],
    ['192.0.2.01', undefined],
    ['192.0.2.0/24', undefined],
    ['localhost', undefined],
    ['', undefined],
  ])('with the address %j', async (ip, kept) => {
    const fingerprintId = unique('browser');
    const { sessionId } = await sessions.createSession({ userAgent: { ip, fingerprintId } });
    const { userAgent } = (await read(sessionId)) ?? {};
    expect([userAgent?.ip, userAgent?.fingerprintId]).toEqual([kept, fingerprintId]);
    const alone = await sessions.createSession({ userAgent: { ip } });
    expect((await read(alone.sessionId))?.userAgent?.ip).toBe(kept);
    expect((await read(alone.sessionId))?.userAgent === undefined).toBe(kept === undefined);
  });

  test('is returned as it was sent', async () => {
    const userAgent = {
      fingerprintId: 'browser',
      description: 'Firefox — ünïcode',
      header: { 'accept-language': { values: ['de', 'en'] }, constructor: { values: [] } },
    };
    const { sessionId } = await sessions.createSession({ userAgent });
    expect((await read(sessionId))?.userAgent).toMatchObject(userAgent);
    const empty = await sessions.createSession({ userAgent: {} });
    expect((await read(empty.sessionId))?.userAgent).toBeUndefined();
  });
});
