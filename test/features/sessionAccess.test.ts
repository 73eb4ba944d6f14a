// Who may see, change and end a session, and what an end leaves.
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CreateSessionRequestSchema } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import {
  type Actor,
  actAs,
  createHuman,
  createInstanceManager,
  createManager,
  createOrganization,
  createStranger,
  grant,
  type Plain,
} from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const ok = 'ok';
const notFound = 'NotFound SESSION_NOT_FOUND';
const denied = 'PermissionDenied PERMISSION_DENIED';
const wrongToken = 'PermissionDenied SESSION_TOKEN_WRONG';

let server: TestServer;
let login: Actor;
let person: Actor;
let organizationId: string;

beforeAll(async () => {
  server = await startServer();
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
  organizationId = await createOrganization(server);
  person = await actAs(server, await createHuman(server, { organizationId }));
});

const at = (minutes: number) => new Date(epoch.getTime() + minutes * 60_000);

beforeEach(() => server.setTime(epoch));

type Opening = Plain<typeof CreateSessionRequestSchema>;

const open = async (userId?: string, opening: Opening = {}, { sessions } = login) => {
  const user = { search: { case: 'userId', value: userId ?? '' } } as const;
  const checks = userId === undefined ? {} : { user };
  const { sessionId, sessionToken } = await sessions.createSession({ ...opening, checks });
  return { sessionId, sessionToken };
};

const metadata = { key: Buffer.from('value') };

const only = (id: string) => ({ queries: [{ query: { case: 'idsQuery' as const, value: { ids: [id] } } }] });

describe('what may be done with a session', () => {
  /** What comes of GetSession, SetSession and DeleteSession; and of all three where the session is nobody's. */
  const all = [ok, ok, ok];
  const own = [ok, denied, ok];
  const reading = [ok, denied, denied];
  const none = [notFound, notFound, notFound];
  const instance = (role: string) => () => createInstanceManager(server, [role]);
  const organization = (role: string) => () => createManager(server, [role], organizationId);

  const table: [string, () => Promise<Actor>, ofPerson: string[], ofNobody: string[]][] = [
    ['its creator', async () => login, all, all],
    ['its user', async () => person, own, none],
    ['another person', async () => actAs(server, await createHuman(server, { organizationId })), none, none],
    ['a stranger', () => createStranger(server), none, none],
    ['IAM_OWNER', instance('IAM_OWNER'), all, all],
    ['IAM_LOGIN_CLIENT', instance('IAM_LOGIN_CLIENT'), all, all],
    ['IAM_OWNER_VIEWER', instance('IAM_OWNER_VIEWER'), reading, reading],
    ['IAM_ORG_MANAGER', instance('IAM_ORG_MANAGER'), own, own],
    ['IAM_USER_MANAGER', instance('IAM_USER_MANAGER'), own, own],
    ['ORG_OWNER', organization('ORG_OWNER'), own, none],
    ['ORG_USER_MANAGER', organization('ORG_USER_MANAGER'), own, none],
    ['ORG_OWNER_VIEWER', organization('ORG_OWNER_VIEWER'), none, none],
    ['ORG_OWNER of another', async () => createManager(server, ['ORG_OWNER'], await createOrganization(server)), none, none],
  ];

  test.each(table)('by %s', async (_, actor, ...expected) => {
    const { sessions } = await actor();
    for (const [index, userId] of [person.id, undefined].entries()) {
      const { sessionId, sessionToken } = await open(userId);
      const other = (await open(userId)).sessionToken;
      const [get = '', set, end = ''] = expected[index] ?? [];
      const stranger = get !== ok;
      const wrong = stranger ? notFound : wrongToken;
      const read = (token?: string) =>
        outcome(sessions.getSession({ sessionId, ...(token !== undefined && { sessionToken: token }) }));
      expect(await Promise.all([read(), read(other), read('x'), read('')])).toEqual([
        get,
        wrong,
        wrong,
        'InvalidArgument INVALID_REQUEST',
      ]);
      expect(await read(sessionToken)).toBe(ok);
      const { sessions: listed, details } = await sessions.listSessions(only(sessionId));
      expect([listed.map(({ id }) => id), details?.totalResult]).toEqual(stranger ? [[], 0n] : [[sessionId], 1n]);
      expect(await outcome(sessions.deleteSession({ sessionId, sessionToken: other }))).toBe(wrong);
      // The token is no proof for a change, and whatever is sent as one is not looked at.
      expect(await outcome(sessions.setSession({ sessionId, sessionToken, metadata }))).toBe(set);
      expect(await outcome(sessions.deleteSession({ sessionId, sessionToken: '' }))).toBe(end);
      const mine = await open(userId);
      expect(await outcome(sessions.deleteSession(mine))).toBe(ok);
    }
  });

  test('by a creator who may create no more', async () => {
    const creator = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
    const { sessionId } = await open(undefined, {}, creator);
    await grant(server, creator.id, []);
    expect(await outcome(creator.sessions.getSession({ sessionId }))).toBe(ok);
    expect(await outcome(creator.sessions.setSession({ sessionId, metadata }))).toBe(denied);
    expect((await creator.sessions.listSessions({})).details?.totalResult).toBe(1n);
    expect(await outcome(creator.sessions.deleteSession({ sessionId }))).toBe(ok);
  });

  test('a token that was replaced is a wrong one, in the same moment as well', async () => {
    const { sessions } = await createStranger(server);
    const { sessionId, sessionToken } = await open();
    await login.sessions.setSession({ sessionId, metadata });
    expect(await outcome(sessions.getSession({ sessionId, sessionToken }))).toBe(notFound);
    expect(await outcome(login.sessions.getSession({ sessionId, sessionToken }))).toBe(wrongToken);
    for (let round = 0; round < 10; round++) {
      const session = await open();
      const { sessionId } = session;
      const both = [sessions.deleteSession(session), login.sessions.setSession({ sessionId, metadata })];
      const [ended, changed] = await Promise.all(both.map((call) => outcome(call)));
      expect([ended, changed]).toEqual(ended === ok ? [ok, notFound] : [notFound, ok]);
    }
  });
});

describe('a session that has', () => {
  test('ended is gone, but for whom it is ended again', async () => {
    const stranger = await createStranger(server);
    const ownerOfUsers = await createManager(server, ['ORG_OWNER'], organizationId);
    const session = await open(person.id);
    const { sessionId } = session;
    server.setTime(at(1));
    const { details } = await login.sessions.deleteSession(session);
    expect(details).toMatchObject({ sequence: 2n, changeDate: timestampFromDate(at(1)) });
    server.setTime(at(2));
    for (const { sessions } of [login, person, ownerOfUsers]) {
      expect(await outcome(sessions.getSession({ sessionId }))).toBe(notFound);
      expect((await sessions.listSessions(only(sessionId))).details?.totalResult).toBe(0n);
      expect((await sessions.deleteSession({ sessionId })).details).toEqual(details);
      expect((await sessions.deleteSession(session)).details).toEqual(details);
    }
    expect(await outcome(login.sessions.setSession({ sessionId, metadata }))).toBe(notFound);
    expect(await outcome(stranger.sessions.getSession(session))).toBe(notFound);
    expect(await outcome(stranger.sessions.deleteSession(session))).toBe(notFound);
    const [row] = await server.sql`select token_hash, metadata, user_agent from sessions where id = ${sessionId}`;
    expect(row).toEqual({ token_hash: null, metadata: {}, user_agent: null });
  });

  test('expired is shown, proven and ended as before', async () => {
    const stranger = await createStranger(server);
    const session = await open(person.id, { lifetime: { seconds: 60n } });
    const { sessionId } = session;
    server.setTime(at(60));
    expect(await outcome(login.sessions.setSession({ sessionId, lifetime: { seconds: 60n } }))).toBe(
      'FailedPrecondition SESSION_EXPIRED',
    );
    const shown = await stranger.sessions.getSession(session);
    expect(shown.session).toMatchObject({ id: sessionId, expirationDate: timestampFromDate(at(1)) });
    expect((await person.sessions.listSessions(only(sessionId))).sessions).toEqual([shown.session]);
    expect(await outcome(stranger.sessions.deleteSession(session))).toBe(ok);
  });

  test('never been is no error to whoever may end any', async () => {
    const ownerOfUsers = await createManager(server, ['ORG_OWNER'], organizationId);
    const request = { sessionId: '4711', sessionToken: 'any' };
    const { details } = await login.sessions.deleteSession(request);
    expect(details).toMatchObject({ sequence: 0n, resourceOwner: '' });
    expect(details?.changeDate).toBeUndefined();
    for (const { sessions } of [person, ownerOfUsers, await createStranger(server)]) {
      expect(await outcome(sessions.deleteSession(request))).toBe(notFound);
      expect(await outcome(sessions.getSession(request))).toBe(notFound);
    }
  });
});
