import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { ByteFilterMethod, type TextFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import { TextQueryMethod } from '../../gen/zitadel/object/v2/object_pb.ts';
import { Type, UserFieldName } from '../../gen/zitadel/user/v2/query_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { actAs, createHuman, createMachine, createOrganization, grant } from '../support/actors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import type { Query, TextField } from './searchQueries.ts';
import * as queries from './searchQueries.ts';

// Random users, random searches; what must come out is computed here, one user after the other, without any SQL.

type Known = Record<TextField, string> & {
  id: string;
  organization: string;
  type: Type;
  state: UserState;
  createdAt: number;
  metadata: [string, string][];
};

/** A search: its query for the server, and whether a user meets it. Metadata conditions speak of one entry. */
type Search = { query: Query } & (
  | { of: 'user'; holds: (user: Known) => boolean }
  | { of: 'entry'; holds: (entry: [string, string]) => boolean }
);

let server: TestServer;
let users: Known[] = [];
let callers: { clients: Clients; sees: (user: Known) => boolean }[] = [];
const organizations: string[] = [];

// Every character that texts are made of, in the form in which it is compared.
// biome-ignore format: a table
const folded: Record<string, string> = {
  a: 'a', A: 'a', b: 'b', B: 'b', é: 'e\u0301', É: 'e\u0301', e: 'e', ß: 'ss', ẞ: 'ss', s: 's', ﬁ: 'fi', f: 'f', Σ: 'σ', ς: 'σ',
  k: 'k', K: 'k', y: 'y', '%': '%', _: '_', '\\': '\\', '+': '+', '1': '1', '2': '2', '@': '@', '.': '.', x: 'x', X: 'x',
};

const fold = (text: string) => Array.from(text, (c) => folded[c] ?? c).join('');
const text = (maxLength: number) => fc.string({ unit: fc.constantFrom(...Object.keys(folded)), minLength: 1, maxLength });
const ascii = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'A', 'b', '%', '_', 'x'), minLength: 1, maxLength });

const textMethods: Record<number, (value: string, asked: string) => boolean> = {
  [TextQueryMethod.EQUALS]: (value, asked) => value === asked,
  [TextQueryMethod.STARTS_WITH]: (value, asked) => value.startsWith(asked),
  [TextQueryMethod.CONTAINS]: (value, asked) => value.includes(asked),
  [TextQueryMethod.ENDS_WITH]: (value, asked) => value.endsWith(asked),
};

/** The methods come in pairs: with letter case, then without. */
function compares(method: TextQueryMethod | TextFilterMethod, value: string, asked: string): boolean {
  const compare = textMethods[method - (method % 2)];
  if (!compare) throw new Error(`method ${method}`);
  return method % 2 === 0 ? compare(value, asked) : compare(fold(value), fold(asked));
}

const stateNames = new Map<UserState, string>([
  [UserState.ACTIVE, 'active'],
  [UserState.INACTIVE, 'inactive'],
  [UserState.LOCKED, 'locked'],
  [UserState.INITIAL, 'initial'],
]);
const states = [...stateNames.keys()];
const metadataKeys = ['k', 'K', 'key', 'é'];
const metadataValues = ['1', '2', 'x', 'x'.repeat(200), 'x'.repeat(201)];

const draft = fc.record({
  machine: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  organization: fc.nat(2),
  username: text(4),
  givenName: text(3),
  familyName: text(2),
  nickName: fc.option(text(2), { nil: undefined }),
  displayName: fc.option(text(5), { nil: undefined }),
  email: ascii(2),
  phone: fc.constantFrom('', '', '+41791112233', '+41792221133'),
  state: fc.constantFrom(...states),
  minute: fc.nat(3),
  metadata: fc.uniqueArray(fc.tuple(fc.constantFrom(...metadataKeys), fc.constantFrom(...metadataValues)), {
    selector: ([key]) => key,
  }),
});

type Draft = typeof draft extends fc.Arbitrary<infer T> ? T : never;

beforeAll(async () => {
  server = await startServer();
  for (let n = 0; n < 3; n++) organizations.push(await createOrganization(server));
  // A fixed seed: these users are the same in every run, and a failure tells the search that it needs.
  const drafts = fc.sample(draft, { numRuns: 60, seed: 7 });
  for (const [index, one] of drafts.entries()) users.push(await createFrom(one, index));
  users = users.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  callers = await createCallers();
});

async function createFrom(one: Draft, index: number): Promise<Known> {
  server.setTime(new Date(epoch.getTime() + one.minute * 60_000));
  const organizationId = organizations[one.organization] ?? '';
  const username = `${one.username}.${index}`;
  const metadata = one.metadata.map(([key, value]) => ({ key, value: Buffer.from(value) }));
  const { givenName, familyName, nickName, displayName } = one;
  const email = `${one.email}@b.x`;
  const id = one.machine
    ? await createMachine(server, { organizationId, username, name: 'm' })
    : await createHuman(server, {
        organizationId,
        username,
        profile: { givenName, familyName, ...(nickName && { nickName }), ...(displayName && { displayName }) },
        email: { email, verification: { case: 'isVerified', value: false } },
        ...(one.phone && { phone: { phone: one.phone, verification: { case: 'isVerified', value: true } } }),
      });
  if (metadata.length > 0) await server.as().users.setUserMetadata({ userId: id, metadata });
  await server.sql`update users set state = ${stateNames.get(one.state) ?? ''} where id = ${id}`;
  const human = {
    givenName,
    familyName,
    nickName: nickName ?? '',
    displayName: displayName ?? `${givenName} ${familyName}`,
    email,
    phone: one.phone,
  };
  const machine = { givenName: '', familyName: '', nickName: '', displayName: '', email: '', phone: '' };
  return {
    id,
    organization: organizationId,
    type: one.machine ? Type.MACHINE : Type.HUMAN,
    state: one.state,
    createdAt: one.minute,
    metadata: one.metadata,
    username,
    loginName: username,
    ...(one.machine ? machine : human),
  };
}

/** The owner, a viewer of one organization, one of two, a human with a role elsewhere, a human and a machine without. */
async function createCallers() {
  const [one = '', two = '', three = ''] = organizations;
  const elsewhere = await createOrganization(server);
  server.setTime(epoch);
  const newcomer = async (organizationId: string, type: 'human' | 'machine', reads: string[]) => {
    const username = `caller${users.length}`;
    const profile = { givenName: 'x', familyName: 'x' };
    const email = { email: `${username}@x.x`, verification: { case: 'isVerified', value: true } } as const;
    const id =
      type === 'human'
        ? await createHuman(server, { organizationId, username, profile, email })
        : await createMachine(server, { organizationId, username });
    for (const organization of reads) await grant(server, id, ['ORG_OWNER_VIEWER'], organization);
    const human = { givenName: 'x', familyName: 'x', nickName: '', displayName: 'x x', email: email.email, phone: '' };
    const machine = { givenName: '', familyName: '', nickName: '', displayName: '', email: '', phone: '' };
    users.push({
      id,
      organization: organizationId,
      type: type === 'human' ? Type.HUMAN : Type.MACHINE,
      state: UserState.ACTIVE,
      createdAt: 0,
      metadata: [],
      username,
      loginName: username,
      ...(type === 'human' ? human : machine),
    });
    const sees = (user: Known) => reads.includes(user.organization) || (type === 'human' && user.id === id);
    return { clients: await actAs(server, id), sees };
  };
  return [
    { clients: server.as(), sees: (user: Known) => organizations.includes(user.organization) },
    await newcomer(elsewhere, 'machine', [one]),
    await newcomer(two, 'machine', [two, three]),
    await newcomer(one, 'human', [three]),
    await newcomer(one, 'human', [one]),
    await newcomer(two, 'human', []),
    await newcomer(three, 'machine', []),
  ];
}

const textMethod = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7);

const onText = fc
  .record({
    field: fc.constantFrom(...queries.textFields),
    method: textMethod,
    asked: text(2),
    taken: fc.option(fc.tuple(fc.nat(59), fc.nat(3), fc.nat(4))),
  })
  .map(({ field, method, asked, taken }): Search => {
    // Mostly a piece of what some user has there.
    const piece = taken && (users[taken[0]]?.[field] ?? '').slice(taken[1], taken[1] + 1 + taken[2]);
    const search = (piece || asked).slice(0, 20);
    return {
      of: 'user',
      query: queries.textQuery(field, method, search),
      holds: (user) => compares(method, user[field], search),
    };
  });

const onState = fc.constantFrom(...states, UserState.UNSPECIFIED, UserState.DELETED).map((state): Search => {
  return { of: 'user', query: { query: { case: 'stateQuery', value: { state } } }, holds: (user) => user.state === state };
});

const onType = fc.constantFrom(Type.HUMAN, Type.MACHINE, Type.UNSPECIFIED).map((type): Search => {
  return { of: 'user', query: { query: { case: 'typeQuery', value: { type } } }, holds: (user) => user.type === type };
});

const some = fc.array(fc.nat(65), { minLength: 1, maxLength: 8 });

const onIds = some.map((indexes): Search => {
  const ids = indexes.map((index) => users[index]?.id ?? 'nobody');
  return { of: 'user', query: queries.ids(ids), holds: (user) => ids.includes(user.id) };
});

const onEmails = some.map((indexes): Search => {
  const emails = indexes.map((index) => (users[index]?.email ?? 'nobody').toUpperCase());
  return {
    of: 'user',
    query: queries.emails(emails),
    holds: (user) => emails.some((email) => fold(email.toLowerCase()) === fold(user.email.toLowerCase())),
  };
});

const onOrganization = fc.nat(3).map((index): Search => {
  const organization = organizations[index] ?? 'unknown';
  return { of: 'user', query: queries.inOrganization(organization), holds: (user) => user.organization === organization };
});

const onKey = fc.tuple(fc.constantFrom(...metadataKeys, 'e'), textMethod).map(([asked, method]): Search => {
  return { of: 'entry', query: queries.key(asked, method), holds: ([key]) => compares(method, key, asked) };
});

const onValue = fc
  .tuple(
    fc.constantFrom('1', '2', 'x', 'x'.repeat(200), ''),
    fc.constantFrom(ByteFilterMethod.EQUALS, ByteFilterMethod.NOT_EQUALS),
  )
  .map(([asked, method]): Search => {
    const equal = method === ByteFilterMethod.EQUALS;
    return { of: 'entry', query: queries.value(asked, method), holds: ([, value]) => (value === asked) === equal };
  });

const hasEntry = (user: Known, searches: Search[]) =>
  user.metadata.some((entry) => searches.every((search) => search.of === 'user' || search.holds(entry)));

const holdsAlone = (user: Known, search: Search) => (search.of === 'user' ? search.holds(user) : hasEntry(user, [search]));

function holdTogether(user: Known, searches: Search[]): boolean {
  const onEntry = searches.filter(({ of }) => of === 'entry');
  if (onEntry.length > 0 && !hasEntry(user, onEntry)) return false;
  return searches.every((search) => search.of === 'entry' || search.holds(user));
}

const tree = fc.letrec<{ search: Search; leaf: Search; and: Search; or: Search; not: Search }>((tie) => ({
  search: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('leaf'), tie('and'), tie('or'), tie('not')),
  leaf: fc.oneof(
    { weight: 8, arbitrary: onText },
    onState,
    onType,
    onIds,
    onEmails,
    onOrganization,
    { weight: 2, arbitrary: onKey },
    { weight: 2, arbitrary: onValue },
  ),
  and: fc.array(tie('search'), { minLength: 1, maxLength: 4 }).map(
    (all): Search => ({
      of: 'user',
      query: queries.allOf(...all.map(({ query }) => query)),
      holds: (user) => holdTogether(user, all),
    }),
  ),
  or: fc.array(tie('search'), { minLength: 1, maxLength: 4 }).map(
    (all): Search => ({
      of: 'user',
      query: queries.anyOf(...all.map(({ query }) => query)),
      holds: (user) => all.some((one) => holdsAlone(user, one)),
    }),
  ),
  not: tie('search').map(
    (one): Search => ({ of: 'user', query: queries.not(one.query), holds: (user) => !holdsAlone(user, one) }),
  ),
}));

const sortKeys = new Map<UserFieldName, (user: Known) => string | number>([
  [UserFieldName.UNSPECIFIED, ({ id }) => id],
  [UserFieldName.USER_NAME, ({ username }) => fold(username)],
  [UserFieldName.FIRST_NAME, ({ givenName }) => fold(givenName)],
  [UserFieldName.LAST_NAME, ({ familyName }) => fold(familyName)],
  [UserFieldName.NICK_NAME, ({ nickName }) => fold(nickName)],
  [UserFieldName.DISPLAY_NAME, ({ displayName }) => fold(displayName)],
  [UserFieldName.EMAIL, ({ email }) => fold(email)],
  [UserFieldName.STATE, ({ state }) => states.indexOf(state)],
  [UserFieldName.TYPE, ({ type }) => type],
  [UserFieldName.CREATION_DATE, ({ createdAt }) => createdAt],
]);

const columns = fc.constantFrom(...sortKeys.keys());

const ascending = (a: string | number, b: string | number) => (a === b ? 0 : a < b ? -1 : 1);

function sorted(found: Known[], column: UserFieldName, asc: boolean): string[] {
  const keyOf = sortKeys.get(column) ?? (({ id }) => id);
  const ordered = found.toSorted((a, b) => ascending(keyOf(a), keyOf(b)) || ascending(a.id, b.id)).map(({ id }) => id);
  return asc ? ordered : ordered.toReversed();
}

const request = fc.record({
  searches: fc.array(tree.search, { maxLength: 3 }),
  caller: fc.nat(6),
  column: columns,
  asc: fc.boolean(),
  offset: fc.nat(12),
  limit: fc.integer({ min: 1, max: 40 }),
});

test('any search finds what reading all users one by one finds, in the same order', { timeout: 300_000 }, async () => {
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.noShrink(fc.constant(undefined)),
      request,
      async (_, { searches, caller, column, asc, offset, limit }) => {
        const who = callers[caller];
        if (!who) throw new Error(`no caller ${caller}`);
        const wanted = users.filter((user) => who.sees(user) && holdTogether(user, searches));
        // The owner sees more than the users of this test.
        const scope = caller === 0 ? [queries.anyOf(...organizations.map(queries.inOrganization))] : [];
        const { result, details } = await who.clients.users.listUsers({
          query: { offset: BigInt(offset), limit, asc },
          sortingColumn: column,
          queries: [...scope, ...searches.map(({ query }) => query)],
        });
        expect(details?.totalResult).toBe(BigInt(wanted.length));
        expect(result.map(({ userId }) => userId)).toEqual(sorted(wanted, column, asc).slice(offset, offset + limit));
        if (wanted.length > 0) hits++;
      },
    ),
    { numRuns: 500 },
  );
  // Searches that find nobody would prove little.
  expect(hits).toBeGreaterThan(100);
});

test('pages of one order, put together, are the whole list, and each user stands in it once', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      columns,
      fc.boolean(),
      fc.integer({ min: 5, max: 30 }),
      fc.option(tree.search),
      async (column, asc, limit, search) => {
        const wanted = users.filter((user) => organizations.includes(user.organization) && (!search || holdsAlone(user, search)));
        const seen: string[] = [];
        for (let offset = 0; offset <= wanted.length; offset += limit) {
          const { result, details } = await server.as().users.listUsers({
            query: { offset: BigInt(offset), limit, asc },
            sortingColumn: column,
            queries: [
              queries.anyOf(...organizations.map(queries.inOrganization)),
              ...(search ? [queries.allOf(search.query)] : []),
            ],
          });
          expect(details?.totalResult).toBe(BigInt(wanted.length));
          seen.push(...result.map(({ userId }) => userId));
        }
        expect(seen).toEqual(sorted(wanted, column, asc));
      },
    ),
    { numRuns: 30 },
  );
});
