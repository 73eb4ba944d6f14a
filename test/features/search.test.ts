import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, test } from 'vitest';
import { ByteFilterMethod, TextFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import { TextQueryMethod } from '../../gen/zitadel/object/v2/object_pb.ts';
import { Type, UserFieldName } from '../../gen/zitadel/user/v2/query_pb.ts';
import { AccessTokenType, Gender, type User, UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import {
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  grant,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import {
  allOf,
  anyOf,
  emails,
  ids,
  inOrganization,
  key,
  type ListRequest,
  not,
  type Query,
  textFields,
  textQuery,
  value,
} from './searchQueries.ts';

let server: TestServer;
let place: string;
let everybody: string[];
let ada: string;
let elise: string;
let grace: string;
let robot: string;

const { EQUALS, EQUALS_IGNORE_CASE, CONTAINS, CONTAINS_IGNORE_CASE, STARTS_WITH_IGNORE_CASE } = TextQueryMethod;

beforeAll(async () => {
  server = await startServer();
  place = await createOrganization(server);
  const at = (minute: number) => server.setTime(new Date(epoch.getTime() + minute * 60_000));
  at(1);
  ada = await createHuman(server, {
    organizationId: place,
    username: 'Ada_Byron%King',
    profile: {
      givenName: 'Ada_Byron%King',
      familyName: 'Love_Lace%Lady',
      nickName: 'Count_Ess%Ada',
      displayName: 'Ad_Mirable%One',
    },
    email: { email: 'Ada_Byron%King@Example.NET', verification: { case: 'isVerified', value: true } },
    phone: { phone: '+41791234567', verification: { case: 'isVerified', value: true } },
    metadata: [
      { key: 'Department', value: Buffer.from('engines') },
      { key: 'floor', value: Buffer.from('3') },
    ],
  });
  at(2);
  elise = await createHuman(server, {
    organizationId: place,
    username: 'élise',
    profile: { givenName: 'Élise', familyName: 'Straße' },
    email: { email: 'elise@example.org', verification: { case: 'isVerified', value: false } },
    metadata: [
      { key: 'Department', value: Buffer.from('3') },
      { key: 'large', value: Buffer.alloc(201, 'x') },
    ],
  });
  grace = await createHuman(server, {
    organizationId: place,
    username: 'grace',
    profile: { givenName: 'Ｇｒａｃｅ', familyName: 'Hopper', preferredLanguage: 'en', gender: Gender.FEMALE },
    email: { email: 'grace@example.org', verification: { case: 'isVerified', value: true } },
  });
  at(3);
  robot = await createMachine(server, { organizationId: place, username: 'robot', name: 'Robot', description: 'walks' });
  server.setTime(epoch);
  everybody = [ada, elise, grace, robot];
});

/** Asks within the test's own organization, ascending by id unless told otherwise. */
const search = (queries: Query[], request: ListRequest = {}, as: Clients = server.as()) =>
  as.users.listUsers({ query: { asc: true }, ...request, queries: [inOrganization(place), ...queries] });

const idsOf = (users: readonly User[]) => users.map(({ userId }) => userId);
const found = async (...queries: Query[]) => idsOf((await search(queries)).result);

describe('GetUserByID', () => {
  test('shows a human whole', async () => {
    const { user, details } = await server.as().users.getUserByID({ userId: ada });
    expect(details).toEqual(user?.details);
    expect(details?.sequence).toBeGreaterThan(0n);
    expect(details?.resourceOwner).toBe(place);
    expect(details?.creationDate && timestampDate(details.creationDate)).toEqual(new Date(epoch.getTime() + 60_000));
    expect(user).toMatchObject({
      userId: ada,
      state: UserState.ACTIVE,
      username: 'Ada_Byron%King',
      loginNames: ['Ada_Byron%King'],
      preferredLoginName: 'Ada_Byron%King',
      type: {
        case: 'human',
        value: {
          profile: { givenName: 'Ada_Byron%King', preferredLanguage: 'und', gender: Gender.UNSPECIFIED, avatarUrl: '' },
          email: { email: 'Ada_Byron%King@Example.NET', isVerified: true },
          phone: { phone: '+41791234567', isVerified: true },
          passwordChangeRequired: false,
        },
      },
    });
    expect(user?.type.case === 'human' && user.type.value.passwordChanged).toBe(undefined);
  });

  test('shows a machine whole', async () => {
    const { user } = await server.as().users.getUserByID({ userId: robot });
    const machine = { name: 'Robot', description: 'walks', hasSecret: false, accessTokenType: AccessTokenType.BEARER };
    expect(user).toMatchObject({ userId: robot, type: { case: 'machine', value: machine } });
  });

  test('takes one statement, authentication included', async () => {
    const { users } = server.as();
    await users.getUserByID({ userId: ada });
    server.statements();
    await users.getUserByID({ userId: ada });
    expect(server.statements()).toHaveLength(1);
  });

  test('is for who reads the organization, and for oneself; to others the user is not there', async () => {
    const elsewhere = await createManager(server, ['ORG_OWNER'], await createOrganization(server));
    const reader = await createStranger(server);
    await grant(server, reader.id, ['ORG_OWNER_VIEWER'], place);
    const stranger = await createStranger(server);
    const self = await actAs(server, elise);
    const get = (as: Clients, userId: string) => outcome(as.users.getUserByID({ userId }));
    expect(await get(reader, elise)).toBe('ok');
    expect(await get(self, elise)).toBe('ok');
    expect(await get(stranger, stranger.id)).toBe('ok');
    for (const as of [elsewhere, stranger]) expect(await get(as, elise)).toBe('NotFound USER_NOT_FOUND');
    expect(await get(self, ada)).toBe('NotFound USER_NOT_FOUND');
    for (const as of [server.as(), reader, self]) expect(await get(as, '404')).toBe('NotFound USER_NOT_FOUND');
    expect(await get(server.as(''), elise)).toBe('Unauthenticated UNAUTHENTICATED');
    expect(await get(server.as(), '')).toBe('InvalidArgument INVALID_REQUEST');
    expect(await get(server.as(), `${elise}\0`)).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe('a text query', () => {
  const texts = {
    username: 'Ada_Byron%King',
    loginName: 'Ada_Byron%King',
    givenName: 'Ada_Byron%King',
    familyName: 'Love_Lace%Lady',
    nickName: 'Count_Ess%Ada',
    displayName: 'Ad_Mirable%One',
    email: 'Ada_Byron%King@Example.NET',
    phone: '+41791234567',
  };
  const swapCase = (text: string) => text.replace(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));
  const kinds = ['EQUALS', 'STARTS_WITH', 'CONTAINS', 'ENDS_WITH'] as const;

  test.each(textFields)('on %s compares by each method, with letter case and without', async (field) => {
    const text = texts[field];
    const pieces: [string, readonly string[]][] = [
      [text, kinds],
      [text.slice(0, 6), ['STARTS_WITH', 'CONTAINS']],
      [text.slice(2, 9), ['CONTAINS']],
      [text.slice(-5), ['CONTAINS', 'ENDS_WITH']],
      // Were these wildcards, they would match.
      [text.replace(/[_9]/, '%'), []],
      [text.replace(/[%1]/, '_'), []],
      [`${text.slice(0, 6)}\\`, []],
    ];
    const [hits, misses]: [Query[], Query[]] = [[], []];
    for (const [piece, fitting] of pieces) {
      for (const kind of kinds) {
        const fits = fitting.includes(kind);
        const swapped = swapCase(piece);
        const sort = (isHit: boolean, query: Query) => (isHit ? hits : misses).push(query);
        sort(fits && swapped === piece, textQuery(field, TextQueryMethod[kind], swapped));
        sort(fits, textQuery(field, TextQueryMethod[kind], piece));
        sort(fits, textQuery(field, TextQueryMethod[`${kind}_IGNORE_CASE`], swapped));
      }
    }
    // Each of these finds her, and none of them anybody else; each of those finds nobody.
    expect(await found(allOf(...hits))).toEqual([ada]);
    expect(await found(anyOf(...hits))).toEqual([ada]);
    expect(await found(anyOf(...misses))).toEqual([]);
  });

  test('sees no difference between spellings in Unicode, unless letter case counts', async () => {
    const decomposed = 'e\u0301lise';
    for (const text of ['élise', 'ÉLISE', decomposed]) {
      expect(await found(textQuery('username', EQUALS_IGNORE_CASE, text))).toEqual([elise]);
      expect(await found(textQuery('givenName', STARTS_WITH_IGNORE_CASE, text.slice(0, 4)))).toEqual([elise]);
    }
    expect(await found(textQuery('username', EQUALS, 'élise'))).toEqual([elise]);
    expect(await found(textQuery('username', EQUALS, decomposed))).toEqual([]);
    expect(await found(textQuery('familyName', CONTAINS_IGNORE_CASE, 'STRASSE'))).toEqual([elise]);
    expect(await found(textQuery('familyName', CONTAINS, 'aß'))).toEqual([elise]);
    expect(await found(textQuery('givenName', EQUALS_IGNORE_CASE, 'grace'))).toEqual([grace]);
    expect(await found(textQuery('givenName', EQUALS, 'Ｇｒａｃｅ'))).toEqual([grace]);
  });

  test('takes a field that a user does not have for an empty one', async () => {
    expect(await found(textQuery('email', EQUALS, ''))).toEqual([robot]);
    expect(await found(textQuery('phone', EQUALS, ''))).toEqual([elise, grace, robot]);
    expect(await found(textQuery('phone', CONTAINS, ''))).toEqual(everybody);
    expect(await found(not(textQuery('givenName', EQUALS, 'Élise')))).toEqual([ada, grace, robot]);
  });

  test('has bounds', async () => {
    const broken = (query: Query) => brokenFields(search([query]));
    expect(await broken(textQuery('username', EQUALS, ''))).toEqual(['queries[1].user_name_query.user_name']);
    expect(await broken(textQuery('nickName', EQUALS, 'n'.repeat(201)))).toEqual(['queries[1].nick_name_query.nick_name']);
    expect(await broken(textQuery('phone', EQUALS, '1'.repeat(21)))).toEqual(['queries[1].phone_query.number']);
    expect(await broken(textQuery('displayName', EQUALS, 'a\0b'))).toEqual(['queries[1].display_name_query.display_name']);
    expect(await found(textQuery('nickName', CONTAINS_IGNORE_CASE, '\u{fdfa}'.repeat(200)))).toEqual([]);
  });
});

describe('a query', () => {
  test('by state finds each state, and nobody by the states that no user is in', async () => {
    const organizationId = await createOrganization(server);
    const create = () => createMachine(server, { organizationId });
    const [active, inactive, locked, initial] = [await create(), await create(), await create(), await create()];
    await server.as().users.deactivateUser({ userId: inactive });
    await server.as().users.lockUser({ userId: locked });
    await server.sql`update users set state = 'initial' where id = ${initial}`;
    const by = async (state: UserState) => {
      const query: Query = { query: { case: 'stateQuery', value: { state } } };
      const { result, details } = await server.as().users.listUsers({ queries: [inOrganization(organizationId), query] });
      expect(details?.totalResult).toBe(BigInt(result.length));
      return result.map((user) => [user.userId, user.state]);
    };
    expect(await by(UserState.ACTIVE)).toEqual([[active, UserState.ACTIVE]]);
    expect(await by(UserState.INACTIVE)).toEqual([[inactive, UserState.INACTIVE]]);
    expect(await by(UserState.LOCKED)).toEqual([[locked, UserState.LOCKED]]);
    expect(await by(UserState.INITIAL)).toEqual([[initial, UserState.INITIAL]]);
    expect(await by(UserState.DELETED)).toEqual([]);
    expect(await by(UserState.UNSPECIFIED)).toEqual([]);
  });

  test('by type tells humans and machines apart', async () => {
    const by = (type: Type) => found({ query: { case: 'typeQuery', value: { type } } });
    expect(await by(Type.HUMAN)).toEqual([ada, elise, grace]);
    expect(await by(Type.MACHINE)).toEqual([robot]);
    expect(await by(Type.UNSPECIFIED)).toEqual([]);
  });

  test('by ids and by e-mails takes lists of ten thousand', async () => {
    expect(await found(ids([grace, ada, 'nobody', ada]))).toEqual([ada, grace]);
    expect(await found(ids([robot]))).toEqual([robot]);
    expect(await found(emails(['ELISE@example.org', 'ada_byron%king@example.net', '%']))).toEqual([ada, elise]);
    const many = (n: number) => `nobody-${n}@example.org`;
    const list = Array.from({ length: 10_000 }, (_, n) => many(n));
    expect(await found(ids([...list, ada]))).toEqual([ada]);
    expect(await found(emails([...list, 'Grace@Example.ORG']))).toEqual([grace]);
    expect(await found(not(ids([...list, ada])))).toEqual([elise, grace, robot]);
  });

  test('by organization finds its users, none of another', async () => {
    expect(await found(inOrganization('unknown'))).toEqual([]);
    expect(await found(not(inOrganization(place)))).toEqual([]);
    const { result } = await server.as().users.listUsers({ queries: [not(inOrganization(place))] });
    expect(idsOf(result)).not.toContain(ada);
    expect(result.map(({ username }) => username)).toContain('admin');
  });

  test('joins with and, or and not', async () => {
    const isAda = textQuery('givenName', STARTS_WITH_IGNORE_CASE, 'ada');
    const isElise = textQuery('familyName', EQUALS, 'Straße');
    const isHuman: Query = { query: { case: 'typeQuery', value: { type: Type.HUMAN } } };
    expect(await found(isAda, isElise)).toEqual([]);
    expect(await found(allOf(isAda, isHuman))).toEqual([ada]);
    expect(await found(anyOf(isAda, isElise))).toEqual([ada, elise]);
    expect(await found(not(anyOf(isAda, isElise)))).toEqual([grace, robot]);
    expect(await found(isHuman, not(isAda), not(isElise))).toEqual([grace]);
    expect(await found(anyOf(isAda, not(isHuman)))).toEqual([ada, robot]);
    expect(await found(not(not(isAda)))).toEqual([ada]);
    expect(await found(not(allOf(isHuman, not(isAda))))).toEqual([ada, robot]);
  });
});

describe('a metadata filter', () => {
  test('finds by key, by each method', async () => {
    expect(await found(key('Department'))).toEqual([ada, elise]);
    expect(await found(key('department'))).toEqual([]);
    expect(await found(key('DEPARTMENT', TextFilterMethod.EQUALS_IGNORE_CASE))).toEqual([ada, elise]);
    expect(await found(key('flo', TextFilterMethod.STARTS_WITH))).toEqual([ada]);
    expect(await found(key('PART', TextFilterMethod.CONTAINS_IGNORE_CASE))).toEqual([ada, elise]);
    expect(await found(key('OOR', TextFilterMethod.ENDS_WITH_IGNORE_CASE))).toEqual([ada]);
    expect(await found(key('OOR', TextFilterMethod.ENDS_WITH))).toEqual([]);
    expect(await found(not(key('Department')))).toEqual([grace, robot]);
  });

  test('finds by value, byte for byte', async () => {
    expect(await found(value('engines'))).toEqual([ada]);
    expect(await found(value('Engines'))).toEqual([]);
    expect(await found(value('3'))).toEqual([ada, elise]);
    expect(await found(value(''))).toEqual([]);
    expect(await found(value('x'.repeat(200)))).toEqual([]);
    expect(await found(value('engines', ByteFilterMethod.NOT_EQUALS))).toEqual([ada, elise]);
    expect(await found(not(value('3')))).toEqual([grace, robot]);
    const tooLong = search([value('x'.repeat(201))]);
    expect(await brokenFields(tooLong)).toEqual(['queries[1].metadata_value_filter.value']);
  });

  test('means one entry together with those beside it, and stands alone elsewhere', async () => {
    expect(await found(key('Department'), value('3'))).toEqual([elise]);
    expect(await found(allOf(key('Department'), value('3')))).toEqual([elise]);
    expect(await found(key('floor'), value('3'))).toEqual([ada]);
    expect(await found(key('Department'), value('3', ByteFilterMethod.NOT_EQUALS))).toEqual([ada]);
    expect(await found(allOf(key('Department')), allOf(value('3')))).toEqual([ada, elise]);
    expect(await found(anyOf(key('floor'), value('3')))).toEqual([ada, elise]);
    expect(await found(key('Department'), not(value('3')))).toEqual([]);
    expect(await found(key('Department'), not(allOf(key('floor'), value('3'))))).toEqual([elise]);
  });
});

describe('a request is refused', () => {
  const nested = (depth: number, wrap: (query: Query) => Query): Query =>
    depth === 0 ? ids([ada]) : wrap(nested(depth - 1, wrap));

  test('when queries are nested deeper than twenty', async () => {
    for (const wrap of [not, (query: Query) => allOf(query), (query: Query) => anyOf(query)]) {
      expect(await found(nested(20, wrap))).toEqual([ada]);
      for (const depth of [21, 45]) {
        expect(await outcome(search([nested(depth, wrap)]))).toBe('InvalidArgument QUERY_TOO_DEEP');
      }
    }
    const [field] = await brokenFields(search([nested(21, not)]));
    expect(field).toBe(`queries[1]${'.not_query.query'.repeat(20)}`);
  });

  test('when a list or a query is empty, naming its place', async () => {
    const refused: [Query, string][] = [
      [allOf(), 'and_query.queries'],
      [anyOf(), 'or_query.queries'],
      [ids([]), 'in_user_ids_query.user_ids'],
      [emails([]), 'in_user_emails_query.user_emails'],
      [{ query: { case: 'notQuery', value: {} } }, 'not_query.query'],
      [anyOf(ids([ada]), not(allOf())), 'or_query.queries[1].not_query.query.and_query.queries'],
    ];
    for (const [query, field] of refused) {
      expect(await outcome(search([query]))).toBe('InvalidArgument QUERY_EMPTY');
      expect(await brokenFields(search([query]))).toEqual([`queries[1].${field}`]);
    }
  });

  test('when a query breaks a rule, at the top as within others', async () => {
    const wraps = [(query: Query) => query, not, (query: Query) => allOf(ids([ada]), query), (query: Query) => anyOf(not(query))];
    for (const wrap of wraps) {
      for (const broken of [
        {},
        textQuery('givenName', EQUALS, ''),
        textQuery('phone', EQUALS, '1'.repeat(21)),
        value('x'.repeat(201)),
      ]) {
        expect(await outcome(search([wrap(broken)]))).toBe('InvalidArgument INVALID_REQUEST');
      }
    }
  });

  test('when it holds more than two hundred conditions', async () => {
    const condition = textQuery('givenName', CONTAINS, 'Byron');
    const many = (count: number) => anyOf(...Array.from({ length: count }, () => condition));
    expect(await found(many(199))).toEqual([ada]);
    expect(await outcome(search([many(200)]))).toBe('InvalidArgument QUERY_TOO_LARGE');
    expect(await outcome(search([not(many(20_000))]))).toBe('InvalidArgument QUERY_TOO_LARGE');
  });

  test('when a method, a state, a type or a column is not defined', async () => {
    const send = async (request: unknown) => {
      const response = await fetch(`${server.address}/zitadel.user.v2.UserService/ListUsers`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
        body: JSON.stringify(request),
      });
      const body: { code?: string } = JSON.parse(await response.text());
      return [response.status, body.code];
    };
    const refused = [400, 'invalid_argument'];
    expect(await send({ sortingColumn: 10 })).toEqual(refused);
    expect(await send({ sortingColumn: -1 })).toEqual(refused);
    const undefinedMethod = { firstNameQuery: { firstName: 'a', method: 8 } };
    expect(await send({ queries: [undefinedMethod] })).toEqual(refused);
    expect(await send({ queries: [{ notQuery: { query: undefinedMethod } }] })).toEqual(refused);
    expect(await send({ queries: [{ stateQuery: { state: 6 } }] })).toEqual(refused);
    expect(await send({ queries: [{ typeQuery: { type: 3 } }] })).toEqual(refused);
    expect(await send({ queries: [{ metadataKeyFilter: { key: 'a', method: 8 } }] })).toEqual(refused);
    expect(await send({ queries: [{ metadataValueFilter: { value: 'YQ==', method: 2 } }] })).toEqual(refused);
    expect(await send({ sortingColumn: 9 })).toEqual([200, undefined]);
  });
});

describe('a page', () => {
  const columns: [UserFieldName, string][] = [
    [UserFieldName.UNSPECIFIED, 'ada elise grace robot'],
    [UserFieldName.USER_NAME, 'ada elise grace robot'],
    [UserFieldName.FIRST_NAME, 'robot ada elise grace'],
    [UserFieldName.LAST_NAME, 'robot grace ada elise'],
    [UserFieldName.NICK_NAME, 'elise grace robot ada'],
    [UserFieldName.DISPLAY_NAME, 'robot ada elise grace'],
    [UserFieldName.EMAIL, 'robot ada elise grace'],
    [UserFieldName.STATE, 'ada elise grace robot'],
    [UserFieldName.TYPE, 'ada elise grace robot'],
    [UserFieldName.CREATION_DATE, 'ada elise grace robot'],
  ];

  test.each(columns)('is sorted by column %i both ways, with the id behind it', async (sortingColumn, order) => {
    const expected = order.split(' ').map((name) => ({ ada, elise, grace, robot })[name]);
    const up = await search([], { sortingColumn });
    expect(idsOf(up.result)).toEqual(expected);
    expect(up.sortingColumn).toBe(sortingColumn);
    const down = await search([], { sortingColumn, query: { asc: false } });
    expect(idsOf(down.result)).toEqual(expected.toReversed());
    expect(idsOf((await search([], { sortingColumn, query: {} })).result)).toEqual(expected.toReversed());
  });

  test('goes on where the one before it ended, with the same total', async () => {
    const organizationId = await createOrganization(server);
    const created: string[] = [];
    for (let n = 0; n < 7; n++) created.push(await createHuman(server, { organizationId }));
    const columns = [UserFieldName.UNSPECIFIED, UserFieldName.FIRST_NAME, UserFieldName.STATE, UserFieldName.CREATION_DATE];
    for (const sortingColumn of columns) {
      for (const asc of [true, false]) {
        const seen: string[] = [];
        for (const offset of [0n, 3n, 6n, 9n]) {
          const request = { sortingColumn, query: { asc, limit: 3, offset }, queries: [inOrganization(organizationId)] };
          const { result, details } = await server.as().users.listUsers(request);
          expect(details?.totalResult).toBe(7n);
          seen.push(...idsOf(result));
        }
        expect(seen).toEqual(asc ? created : created.toReversed());
      }
    }
  });

  test('is empty beyond the end, and the total stays true', async () => {
    for (const offset of [4n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const { result, details } = await search([], { query: { offset } });
      expect(result).toEqual([]);
      expect(details?.totalResult).toBe(4n);
    }
  });

  test('holds a hundred when no limit is named, a thousand at most', async () => {
    const organizationId = await createOrganization(server);
    await server.sql`insert into users (id, organization_id, type, state, sequence, created_at, changed_at, username, username_key)
      select 'crowd-' || n, ${organizationId}, 'machine', 'active', 1, now(), now(), 'crowd-' || n, 'crowd-' || n
      from generate_series(1, 1001) n`;
    const count = async (limit: number) => {
      const { result, details } = await server
        .as()
        .users.listUsers({ query: { limit }, queries: [inOrganization(organizationId)] });
      expect(details?.totalResult).toBe(1001n);
      return result.length;
    };
    expect([await count(0), await count(1), await count(1000)]).toEqual([100, 1, 1000]);
    for (const limit of [1001, 2 ** 32 - 1]) {
      expect(await outcome(count(limit))).toBe('InvalidArgument LIMIT_TOO_LARGE');
    }
    expect(await brokenFields(count(1001))).toEqual(['query.limit']);
  });

  test('comes with its time, and users as GetUserByID shows them', async () => {
    const { result, details } = await search([]);
    expect(details?.timestamp && timestampDate(details.timestamp)).toEqual(epoch);
    expect(details?.processedSequence).toBe(0n);
    for (const user of result) {
      expect(user).toEqual((await server.as().users.getUserByID({ userId: user.userId })).user);
    }
    const phone = result[1]?.type.case === 'human' ? result[1].type.value.phone : undefined;
    expect(phone).toMatchObject({ phone: '', isVerified: false });
  });

  test('takes one statement besides the one that authenticates', async () => {
    const { users } = server.as();
    await users.listUsers({});
    const requests: ListRequest[] = [{}, { query: { offset: 99n } }, { queries: [not(ids([ada])), key('floor')] }];
    for (const request of requests) {
      server.statements();
      await users.listUsers(request);
      expect(server.statements()).toHaveLength(2);
    }
  });

  test('shows what was written just before', async () => {
    const username = unique('early-bird');
    const userId = await createMachine(server, { organizationId: place, username });
    expect(await found(textQuery('username', EQUALS, username))).toEqual([userId]);
    await server.as().users.deleteUser({ userId });
    expect(await found(textQuery('username', EQUALS, username))).toEqual([]);
  });
});

describe('a list holds what the caller may read', () => {
  const seen = async (as: Clients, request: ListRequest = {}) => {
    const { result, details } = await as.users.listUsers({ query: { asc: true }, ...request });
    expect(details?.totalResult).toBe(BigInt(result.length));
    return idsOf(result);
  };

  test('everybody for instance roles', async () => {
    const viewer = await createInstanceManager(server, ['IAM_OWNER_VIEWER']);
    const [row] = await server.sql<{ count: bigint }[]>`select count(*)::int as count from users`;
    const { details } = await viewer.users.listUsers({});
    expect(details?.totalResult).toBe(BigInt(row?.count ?? 0));
    expect(await seen(viewer, { queries: [inOrganization(place), ids(everybody)] })).toEqual(everybody);
    const selfDeleter = await createInstanceManager(server, ['SELF_MANAGEMENT_GLOBAL']);
    expect(await seen(selfDeleter)).toEqual([]);
  });

  test('the users of the organizations where a role reads them', async () => {
    const [one, other] = [await createOrganization(server), await createOrganization(server)];
    const manager = await createManager(server, ['ORG_USER_MANAGER'], one);
    const mate = await createHuman(server, { organizationId: one });
    const outsider = await createHuman(server, { organizationId: other });
    expect(await seen(manager)).toEqual([manager.id, mate]);
    expect(await seen(manager, { queries: [ids([outsider, mate])] })).toEqual([mate]);
    expect(await seen(manager, { queries: [inOrganization(other)] })).toEqual([]);
    expect(await seen(manager, { queries: [not(ids([mate]))] })).toEqual([manager.id]);
    expect(await seen(manager, { queries: [anyOf(ids([outsider]), not(ids([outsider])))] })).toEqual([manager.id, mate]);
    await grant(server, manager.id, ['ORG_OWNER_VIEWER'], other);
    expect(await seen(manager)).toEqual([manager.id, mate, outsider]);
    await grant(server, manager.id, ['ORG_USER_SELF_MANAGER'], one);
    expect(await seen(manager)).toEqual([outsider]);
  });

  test('itself for a human, with and without roles elsewhere', async () => {
    const [home, other] = [await createOrganization(server), await createOrganization(server)];
    const human = await actAs(server, await createHuman(server, { organizationId: home }));
    const mate = await createHuman(server, { organizationId: home });
    const outsider = await createHuman(server, { organizationId: other });
    expect(await seen(human)).toEqual([human.id]);
    expect(await seen(human, { queries: [ids([mate, outsider])] })).toEqual([]);
    expect(await seen(human, { queries: [not(ids([human.id]))] })).toEqual([]);
    await grant(server, human.id, ['ORG_OWNER'], other);
    expect(await seen(human)).toEqual([human.id, outsider]);
    expect(await seen(human, { queries: [not(ids([human.id]))] })).toEqual([outsider]);
    await grant(server, human.id, ['ORG_OWNER'], home);
    expect(await seen(human)).toEqual([human.id, mate, outsider]);
  });

  test('nobody for a machine without roles', async () => {
    const stranger = await createStranger(server);
    expect(await seen(stranger)).toEqual([]);
    expect(await seen(stranger, { queries: [ids([stranger.id])] })).toEqual([]);
    expect(await outcome(server.as('').users.listUsers({}))).toBe('Unauthenticated UNAUTHENTICATED');
  });
});

test('a long text is found whole and in its order, though an index is asked for pieces of it', async () => {
  const displayName = 'Jürgen-Maximilian O’Brien 123456 Straßenmeister';
  const profile = { givenName: 'x', familyName: 'x', displayName };
  const userId = await createHuman(server, { organizationId: await createOrganization(server), profile });
  const found = async (method: TextQueryMethod, text: string) => {
    const { result } = await server.as().users.listUsers({ queries: [ids([userId]), textQuery('displayName', method, text)] });
    return result.length === 1;
  };
  const { ENDS_WITH, ENDS_WITH_IGNORE_CASE } = TextQueryMethod;
  const cases: [TextQueryMethod, string, boolean][] = [
    [CONTAINS_IGNORE_CASE, 'RGEN-maximilian o’brien', true],
    [CONTAINS_IGNORE_CASE, 'jürgen-maximilian', true],
    [CONTAINS_IGNORE_CASE, '123456 STRASSENmeister', true],
    [CONTAINS_IGNORE_CASE, 'maximilian brien', false],
    [CONTAINS_IGNORE_CASE, 'o’brien jürgen-maximilian', false],
    [CONTAINS_IGNORE_CASE, 'maximilian-maximilian', false],
    [CONTAINS, 'rgen-Maximilian O’Brien', true],
    [CONTAINS, 'rgen-maximilian O’Brien', false],
    [CONTAINS, '456 Straßenmei', true],
    [ENDS_WITH_IGNORE_CASE, '123456 strassenmeister', true],
    [ENDS_WITH_IGNORE_CASE, 'o’brien 123456', false],
    [ENDS_WITH, '123456 Straßenmeister', true],
    [ENDS_WITH, '123456 straßenmeister', false],
  ];
  for (const [method, text, expected] of cases) expect([text, await found(method, text)]).toEqual([text, expected]);
});
