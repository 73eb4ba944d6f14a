// ListSessions: what is found, and by whom.
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type SearchQuerySchema, SessionFieldName } from '../../gen/zitadel/session/v2/session_pb.ts';
import type { CreateSessionRequestSchema } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { TimestampQueryMethod as Method } from '../../gen/zitadel/v1/object_pb.ts';
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
import { brokenFields, outcome } from '../support/errors.ts';
import { invalid, post } from '../support/rawCalls.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

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

type Query = NonNullable<Plain<typeof SearchQuerySchema>['query']>;

const listOf = (...queries: Query[]) => ({ queries: queries.map((query) => ({ query })) });
const only = (...ids: string[]) => listOf({ case: 'idsQuery', value: { ids } });

describe('ListSessions', () => {
  let other: Actor;
  let ids: string[];

  beforeAll(async () => {
    other = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
    const made: string[] = [];
    const make = async (minute: number, ...opening: Parameters<typeof open>) => {
      server.setTime(at(minute));
      made.push((await open(...opening)).sessionId);
    };
    await make(3, undefined, { userAgent: { fingerprintId: 'one' } });
    await make(1, person.id, { userAgent: { fingerprintId: 'two' }, lifetime: { seconds: 9n * 60n } });
    await make(2, undefined, { lifetime: { seconds: 18n * 60n } }, other);
    ids = made;
  });

  const find = async (actor: Actor, ...queries: Query[]) => {
    const { sessions, details } = await actor.sessions.listSessions(listOf({ case: 'idsQuery', value: { ids } }, ...queries));
    expect(details?.totalResult).toBe(BigInt(sessions.length));
    return sessions.map(({ id }) => ids.indexOf(id)).sort();
  };
  const created = (minute: number, method: Method): Query => ({
    case: 'creationDateQuery',
    value: { creationDate: timestampFromDate(at(minute)), method },
  });
  const expires = (minute: number, method: Method): Query => ({
    case: 'expirationDateQuery',
    value: { expirationDate: timestampFromDate(at(minute)), method },
  });

  test.each<[string, () => Query[], number[]]>([
    ['ids', () => [{ case: 'idsQuery', value: { ids: [ids[1] ?? '', 'unknown'] } }], [1]],
    ['user', () => [{ case: 'userIdQuery', value: { id: person.id } }], [1]],
    ['user ""', () => [{ case: 'userIdQuery', value: { id: '' } }], []],
    ['creator', () => [{ case: 'creatorQuery', value: { id: other.id } }], [2]],
    ['creator unset', () => [{ case: 'creatorQuery', value: {} }], [0, 1]],
    ['user agent', () => [{ case: 'userAgentQuery', value: { fingerprintId: 'two' } }], [1]],
    ['created =', () => [created(2, Method.EQUALS)], [2]],
    ['created >', () => [created(2, Method.GREATER)], [0]],
    ['created >=', () => [created(2, Method.GREATER_OR_EQUALS)], [0, 2]],
    ['created <', () => [created(2, Method.LESS)], [1]],
    ['created <=', () => [created(2, Method.LESS_OR_EQUALS)], [1, 2]],
    ['expires =', () => [expires(10, Method.EQUALS)], [1]],
    ['expires >', () => [expires(10, Method.GREATER)], [0, 2]],
    ['expires >=', () => [expires(10, Method.GREATER_OR_EQUALS)], [0, 1, 2]],
    ['expires <', () => [expires(20, Method.LESS)], [1]],
    ['expires <=', () => [expires(20, Method.LESS_OR_EQUALS)], [1, 2]],
    ['two of them', () => [created(2, Method.GREATER_OR_EQUALS), expires(20, Method.LESS_OR_EQUALS)], [2]],
  ])('%s', async (_, queries, expected) => {
    expect(await find(login, ...queries())).toEqual(expected);
  });

  test.each<[string, Parameters<Actor['sessions']['listSessions']>[0]]>([
    ['queries[0].ids_query', listOf({ case: 'idsQuery', value: {} })],
    ['queries[0].creator_query', listOf({ case: 'creatorQuery', value: { id: '' } })],
    ['queries[0].user_agent_query', listOf({ case: 'userAgentQuery', value: {} })],
    ['queries[0].user_agent_query', listOf({ case: 'userAgentQuery', value: { fingerprintId: '' } })],
    ['queries[0].creation_date_query.creation_date', listOf({ case: 'creationDateQuery', value: {} })],
    ['queries[0].expiration_date_query.expiration_date', listOf({ case: 'expirationDateQuery', value: {} })],
    ['queries[1].query', { queries: [...only('1').queries, {}] }],
    ['query.limit', { query: { limit: 1001 } }],
  ])('refuses %s (%#)', async (field, request) => {
    expect(await outcome(login.sessions.listSessions(request))).toMatch(/^InvalidArgument/);
    expect(await brokenFields(login.sessions.listSessions(request))).toEqual([field]);
  });

  test.each(['creationDate', 'expirationDate'])('refuses a comparison that is none, of %s', async (name) => {
    const query = JSON.stringify({ queries: [{ [`${name}Query`]: { [name]: epoch, method: 99 } }] });
    expect(await post(server, '/zitadel.session.v2.SessionService/ListSessions', query)).toBe(invalid);
  });

  test.each<[string, number[], Parameters<Actor['sessions']['listSessions']>[0]]>([
    ['id', [0, 1, 2], { query: { asc: true } }],
    ['id, falling', [2, 1, 0], {}],
    ['creation date', [1, 2, 0], { query: { asc: true }, sortingColumn: SessionFieldName.CREATION_DATE }],
    ['creation date, falling', [0, 2, 1], { sortingColumn: SessionFieldName.CREATION_DATE }],
  ])('sorts by %s', async (_, order, request) => {
    const { sessions } = await login.sessions.listSessions({ ...only(...ids), ...request });
    const rising = [...ids].sort();
    const named = request.sortingColumn === undefined ? rising : ids;
    expect(sessions.map(({ id }) => named.indexOf(id))).toEqual(order);
  });

  test('gives pages without overlap, also of sessions of one moment; all with the same total', async () => {
    const many = await createStranger(server);
    await server.sql`insert into sessions (id, creator_id, sequence, created_at, changed_at)
      select 'many-' || lpad(n::text, 3, '0'), ${many.id}, 1, ${epoch.toISOString()}, ${epoch.toISOString()}
      from generate_series(1, 105) n order by md5(n::text)`;
    // It happens to hold the sessions of one moment in order.
    await server.sql`drop index sessions_creation`;
    const expected = Array.from({ length: 105 }, (_, n) => `many-${String(n + 1).padStart(3, '0')}`);
    for (const [asc, order] of [[true, expected] as const, [false, expected.toReversed()] as const]) {
      const found: string[] = [];
      for (let offset = 0n; found.length < 105; offset += 10n) {
        const query = { asc, offset, limit: 10 };
        const page = await many.sessions.listSessions({ query, sortingColumn: SessionFieldName.CREATION_DATE });
        expect(page.details?.totalResult).toBe(105n);
        found.push(...page.sessions.map(({ id }) => id));
      }
      expect(found).toEqual(order);
    }
    const lengths = [{}, { limit: 1000 }, { offset: 200n }].map(async (query) => {
      const { sessions, details } = await many.sessions.listSessions({ query });
      return [sessions.length, details?.totalResult];
    });
    expect(await Promise.all(lengths)).toEqual([
      [100, 105n],
      [105, 105n],
      [0, 105n],
    ]);
  });

  test('a person finds his own, a machine what it made, an organization’s manager those of its users', async () => {
    const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    expect(await find(person)).toEqual([1]);
    expect(await find(manager)).toEqual([1]);
    expect(await find(await createStranger(server))).toEqual([]);
    expect(await find(login)).toEqual([0, 1, 2]);
    await grant(server, other.id, []);
    expect(await find(other)).toEqual([2]);
    expect(await find(other, { case: 'userIdQuery', value: { id: person.id } })).toEqual([]);
  });
});
