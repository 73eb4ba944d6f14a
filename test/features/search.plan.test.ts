import { type SQL, sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Filter } from '../../src/features/search/filter.ts';
import { findUsers, type Search, type Sorting, searchQuery } from '../../src/features/search/repository.ts';
import type { TextMatch } from '../../src/kernel/db/matchText.ts';
import { createOrganization } from '../support/actors.ts';
import { startServer, type TestServer } from '../support/server.ts';

// What Postgres plans for the statement of ListUsers at forty thousand users: it never reads the table end to end. With fewer
// that would be the cheapest; with more it is ever dearer.
// Left out are texts that stand in most users, such as a single letter: to count those there is no other way.

let server: TestServer;
/** One organization has half of the users, the others a hundredth each. */
let large: string;
let small: string[];

beforeAll(async () => {
  server = await startServer();
  large = await createOrganization(server);
  small = await Promise.all(Array.from({ length: 50 }, () => createOrganization(server)));
  // Into indexes a table is loaded row by row, and slowly; they are made again as they were, two at a time.
  const indexes = await server.sql<{ name: string; definition: string }[]>`
    select indexname as name, indexdef as definition from pg_indexes
    where tablename in ('users', 'user_metadata') and indexname not in (select conname from pg_constraint)
    order by indexdef like '%gin%' desc`;
  for (const { name } of indexes) await server.sql`drop index ${server.sql(name)}`;
  await load();
  await Promise.all(indexes.map(({ definition }) => server.sql.unsafe(`set maintenance_work_mem = '256MB'; ${definition}`)));
  await server.sql`vacuum (analyze) users, user_metadata`;
}, 300_000);

async function load(): Promise<void> {
  await server.sql`
    with drafts as (
      select n, n % 20 <> 0 as human,
        case n % 2 when 0 then ${large} else (${small}::text[])[1 + n / 2 % 50] end as organization,
        (array['Anna', 'Bruno', 'Carla', 'Dario', 'Emil', 'Fiona', 'Greta', 'Hanna'])[1 + n * 31 % 8] || chr(97 + n * 5 % 26) as given,
        (array['Meier', 'Keller', 'Schmidt', 'Weber', 'Huber', 'Baumann'])[1 + n * 17 % 6] || n % 500 as family
      from generate_series(1, 40000) n
    ), named as (
      select *, case when human then given || '.' || family || n else 'machine-' || n end as login,
        case when human then given else '' end as given_name, case when human then family else '' end as family_name,
        case when human then given || ' ' || family else '' end as display,
        case when human and n % 3 = 0 then 'Nick' || n % 700 else '' end as nick,
        case when human then given || '.' || family || n || '@Example' || n % 40 || '.com' else '' end as mail,
        case when human and n % 2 = 0 then '+4179' || lpad((n::bigint * 7919 % 10000000)::text, 7, '0') else '' end as number
      from drafts
    )
    insert into users (id, organization_id, type, state, sequence, created_at, changed_at, username, username_key, given_name,
      given_name_key, family_name, family_name_key, nick_name, nick_name_key, display_name, display_name_key, email, email_key, phone)
    select (290000000000000000 + n * 1000003::bigint)::text, organization, case when human then 'human' else 'machine' end::user_type,
      case when n % 50 = 0 then 'inactive' when n % 100 = 1 then 'locked' else 'active' end::user_state, 1,
      '2026-01-01'::timestamptz + n * interval '1 second', now(), login, lower(login), given_name, lower(given_name),
      family_name, lower(family_name), nick, lower(nick), display, lower(display), mail, lower(mail), number
    from named`;
  await server.sql`
    insert into user_metadata (user_id, key, key_key, value, created_at, changed_at)
    select id, key, lower(key), convert_to(value, 'UTF8'), now(), now() from users, lateral (
      values ('Department', 'department' || right(id, 2)), ('External', 'external' || id)) entries (key, value)`;
}

async function planOf({
  filters = [],
  sorting = 'id',
  page = {},
}: {
  filters?: Filter[];
  sorting?: Sorting;
  page?: Partial<Search['page']>;
}) {
  const query = searchQuery({ filters, sorting, page: { offset: 0, limit: 100, ascending: false, ...page } });
  const rows = await server.app.db.execute<{ 'QUERY PLAN': string }>(sql`explain ${query}`);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

const readsTable = /Seq Scan on users/;

/** The searches of a list whose statement would read the whole table, with their plans. */
async function reading(searches: [string, Parameters<typeof planOf>[0]][]): Promise<[string, string][]> {
  const plans: [string, string][] = [];
  for (const [name, search] of searches) plans.push([name, await planOf(search)]);
  return plans.filter(([, plan]) => readsTable.test(plan));
}

const idAt = (n: number) => String(290000000000000000n + BigInt(n) * 1000003n);
const many = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, n) => of(n * 9 + 1));
const key = (kind: TextMatch['kind'], text: string, ignoreCase = false): Filter => ({
  on: 'metadataKey',
  match: { kind, ignoreCase, text },
});
const value = (text: string, equal = true): Filter => ({ on: 'metadataValue', equal, value: Buffer.from(text) });

const texts = {
  username: 'Annab.Meier1',
  givenName: 'Annab',
  familyName: 'Schmidt42',
  nickName: 'Nick42',
  displayName: 'Annab Meier1',
  email: 'Annab.Meier1',
  phone: '+417900',
} as const;

const sortings = [
  ...(['id', 'username', 'givenName', 'familyName', 'nickName', 'displayName', 'email', 'state', 'type', 'createdAt'] as const),
];
const kinds = ['equals', 'starts', 'contains', 'ends'] as const;

const textFilters = Object.entries(texts).flatMap(([, text], index) =>
  kinds.flatMap((kind) =>
    [false, true].map((ignoreCase): [string, Filter] => {
      const field =
        (['username', 'givenName', 'familyName', 'nickName', 'displayName', 'email', 'phone'] as const)[index] ?? 'username';
      return [`${field} ${kind}${ignoreCase ? ' ignoring case' : ''}`, { on: 'text', field, match: { kind, ignoreCase, text } }];
    }),
  ),
);

const filters = (): [string, Filter][] => [
  ...textFilters,
  ['active', { on: 'state', state: 'active' }],
  ['locked', { on: 'state', state: 'locked' }],
  ['initial', { on: 'state', state: 'initial' }],
  ['nobody', { on: 'nobody' }],
  ['human', { on: 'type', type: 'human' }],
  ['machine', { on: 'type', type: 'machine' }],
  ['one id', { on: 'ids', ids: [idAt(5)] }],
  ['4,000 ids', { on: 'ids', ids: many(4_000, idAt) }],
  ['one e-mail', { on: 'emails', emails: ['annab.meier1@example1.com'] }],
  ['4,000 e-mails', { on: 'emails', emails: many(4_000, (n) => `anna.meier${n}@example${n % 40}.com`) }],
  ['large organization', { on: 'organizations', ids: [large] }],
  ['small organization', { on: 'organizations', ids: small.slice(0, 1) }],
  ['key', key('equals', 'Department')],
  ['key starts', key('starts', 'Dep')],
  ['key contains ignoring case', key('contains', 'part', true)],
  ['unknown key', key('equals', 'Nothing')],
  ['value', value('department42')],
  ['own value', value(`external${idAt(77)}`)],
  ['another value', value('department42', false)],
  ['key and value', { on: 'and', filters: [key('equals', 'Department'), value('department42')] }],
  ['key and another value', { on: 'and', filters: [key('equals', 'Department'), value('department42', false)] }],
  [
    'some of three texts',
    {
      on: 'or',
      filters: [
        { on: 'text', field: 'email', match: { kind: 'contains', ignoreCase: true, text: 'keller42' } },
        { on: 'text', field: 'username', match: { kind: 'starts', ignoreCase: true, text: 'machine-777' } },
        { on: 'text', field: 'phone', match: { kind: 'ends', ignoreCase: false, text: '7919' } },
      ],
    },
  ],
  [
    'text in a state',
    {
      on: 'and',
      filters: [
        { on: 'state', state: 'active' },
        { on: 'text', field: 'givenName', match: { kind: 'equals', ignoreCase: false, text: 'Annab' } },
      ],
    },
  ],
];

const scopes = (): [string, Filter[]][] => {
  const several: Filter = { on: 'organizations', ids: small.slice(0, 3) };
  return [
    ['everywhere', []],
    ['in a large organization', [{ on: 'organizations', ids: [large] }]],
    ['in a small organization', [{ on: 'organizations', ids: small.slice(0, 1) }]],
    ['in three organizations', [several]],
    ['in three organizations and oneself', [{ on: 'or', filters: [several, { on: 'ids', ids: [idAt(4)] }] }]],
  ];
};

describe('at forty thousand users, no statement reads the whole table', () => {
  test('for any query and its contrary, whoever asks', async () => {
    for (const [scope, visible] of scopes()) {
      const searches = filters().flatMap(([name, filter]): [string, Parameters<typeof planOf>[0]][] => [
        [`${name}, ${scope}`, { filters: [...visible, filter] }],
        [`not ${name}, ${scope}`, { filters: [...visible, { on: 'not', filter }] }],
      ]);
      expect(await reading(searches)).toEqual([]);
    }
  });

  test('for any order, at its start and far behind it, whoever asks', async () => {
    for (const [scope, visible] of scopes()) {
      const searches = sortings.flatMap((sorting) =>
        [true, false].flatMap((ascending) =>
          [0, 16_000].map((offset): [string, Parameters<typeof planOf>[0]] => [
            `${scope}, ${sorting} from ${offset}`,
            { filters: visible, sorting, page: { ascending, offset, limit: 1000 } },
          ]),
        ),
      );
      expect(await reading(searches)).toEqual([]);
    }
  });

  test('and the first page of any order walks an index of that order, sorting nothing but itself', async () => {
    for (const [, visible] of scopes().slice(0, 2)) {
      for (const sorting of sortings) {
        const plan = await planOf({ filters: visible, sorting });
        expect(plan.match(/Sort Key/g)).toHaveLength(1);
        expect(plan).toMatch(/Index (Only )?Scan Backward using users_(by_|pkey)/);
      }
    }
  });
});

test('a page far behind is what counting from the start finds, from whichever end it was read', async () => {
  const { db } = server.app;
  const organization: Filter = { on: 'organizations', ids: [large] };
  const lists: [Filter[], SQL][] = [
    [[], sql`true`],
    [[organization], sql`organization_id = ${large}`],
    [[organization, { on: 'type', type: 'human' }], sql`organization_id = ${large} and type = 'human'`],
    [[{ on: 'not', filter: { on: 'state', state: 'active' } }], sql`state <> 'active'`],
  ];
  for (const [filters, condition] of lists) {
    const sorted = await db.execute<{ id: string }>(sql`select id from users where ${condition} order by given_name_key, id`);
    const ids = sorted.map(({ id }) => id);
    for (const ascending of [true, false]) {
      const ordered = ascending ? ids : ids.toReversed();
      const half = Math.floor(ids.length / 2);
      for (const offset of [999, 1000, half - 7, half + 1, ids.length - 13, ids.length - 10, ids.length, 3 * ids.length]) {
        const found = await findUsers(db, { filters, sorting: 'givenName', page: { offset, limit: 10, ascending } });
        expect(found.total).toBe(ids.length);
        expect(found.users.map(({ id }) => id)).toEqual(ordered.slice(offset, offset + 10));
      }
    }
  }
});

test('a page far behind looks at no row before it, nor does a type or a state that is left out', async () => {
  const filters: Filter[] = [
    { on: 'organizations', ids: [large] },
    { on: 'type', type: 'human' },
  ];
  for (const sorting of sortings) {
    const plan = await planOf({ filters, sorting, page: { offset: 12_000 } });
    expect(plan.match(/Index Only Scan/g)?.length).toBeGreaterThanOrEqual(2);
    expect(plan).not.toMatch(/(Bitmap Heap|Seq) Scan on users/);
  }
});

test('reading the whole table would be noticed', async () => {
  const rows = await server.app.db.execute<{ 'QUERY PLAN': string }>(sql`explain select description from users`);
  expect(rows[0]?.['QUERY PLAN']).toMatch(readsTable);
});
