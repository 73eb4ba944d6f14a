import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../kernel/db/client.ts';
import { users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';
import type { ShownUser } from '../user/convert.ts';
import { allHold, type Filter, looksAtRows } from './filter.ts';
import { totalOf } from './total.ts';

const sortColumns = {
  id: users.id,
  username: users.usernameKey,
  givenName: users.givenNameKey,
  familyName: users.familyNameKey,
  nickName: users.nickNameKey,
  displayName: users.displayNameKey,
  email: users.emailKey,
  state: users.state,
  type: users.type,
  createdAt: users.createdAt,
};

export type Sorting = keyof typeof sortColumns;

export interface Search {
  /** All must hold. */
  filters: readonly Filter[];
  sorting: Sorting;
  page: Page;
}

// The compared forms are nobody's to see.
const { usernameKey, givenNameKey, familyNameKey, nickNameKey, displayNameKey, emailKey, ...shown } = getTableColumns(users);

export interface Found {
  users: ShownUser[];
  total: number;
}

/** A page of the users that match, and how many there are on all pages. */
export async function findUsers(db: Db, search: Search): Promise<Found> {
  const rows = await db.execute<Row>(searchQuery(search));
  return { users: rows.flatMap((row) => (row.id === null ? [] : [listed(row)])), total: Number(rows[0]?.total ?? 0) };
}

/** What the driver makes of a value: times are text, and so are numbers that may be large. */
type Raw<T> = T extends Date | bigint ? string : T;
type Row = { total: string } & ({ id: null } | { [Name in keyof ShownUser]: Raw<ShownUser[Name]> });

const listed = ({ total, ...row }: Exclude<Row, { id: null }>): ShownUser => ({
  ...row,
  sequence: BigInt(row.sequence),
  createdAt: new Date(row.createdAt),
  changedAt: new Date(row.changedAt),
  passwordChangedAt: row.passwordChangedAt === null ? null : new Date(row.passwordChangedAt),
  mfaInitSkippedAt: row.mfaInitSkippedAt === null ? null : new Date(row.mfaInitSkippedAt),
});

const columns = Object.entries(shown).map(([name, column]) => `listed.${column.name} as "${name}"`);
const listedColumns = sql.raw(columns.join(', '));

/**
 * Total and page in one statement: they are of the same moment. The page is cut from ids alone, which an index holds, so
 * that to skip a row costs no look at it. The rows themselves are then fetched one by one; the limit of one is what keeps
 * Postgres from reading the table instead.
 */
export function searchQuery(search: Search): SQL {
  const { before, total, page } = partsOf(search);
  const order = directionOf(search.page.ascending);
  return sql`
    ${before}
    select counted.total, ${listedColumns} from (select ${total} as total) counted
    left join (${page}) page on true
    left join lateral (select * from ${users} where ${users.id} = page.id limit 1) listed on true
    order by page.key ${order}, page.id ${order}`;
}

interface Parts {
  /** A step that the others refer to. */
  before: SQL;
  total: SQL;
  /** Ids and the keys that they are sorted by. */
  page: SQL;
}

/** From here on a page may be nearer to the end of its list than to the beginning, for a walk that is worth it. */
const deepOffset = 1_000;

function partsOf(search: Search): Parts {
  if (search.filters.some(looksAtRows)) return pickedFromMatches(search);
  return search.page.offset < deepOffset ? walked(search) : walkedFromNearerEnd(search);
}

const directionOf = (ascending: boolean): SQL => sql.raw(ascending ? 'asc' : 'desc');

const matching = ({ filters, sorting }: Search): SQL =>
  sql`select ${users.id}, ${sortColumns[sorting]} as key from ${users} where ${allHold(filters)}`;

function orderOf({ sorting }: Search, ascending: boolean): SQL {
  const direction = directionOf(ascending);
  return sql`order by ${sortColumns[sorting]} ${direction}, ${users.id} ${direction}`;
}

/** To count these means to look at each of them: it is done once, and the page is picked from what was found. */
function pickedFromMatches(search: Search): Parts {
  const { offset, limit, ascending } = search.page;
  const direction = directionOf(ascending);
  return {
    before: sql`with matching as materialized (${matching(search)})`,
    total: sql`(select count(*) from matching)`,
    page: sql`select * from matching order by key ${direction}, id ${direction} offset ${offset} limit ${limit}`,
  };
}

/** Total and page each by the index that suits it: the page mostly walks that of its order, and stops when it is full. */
function walked(search: Search): Parts {
  const { offset, limit, ascending } = search.page;
  const page = sql`${matching(search)} ${orderOf(search, ascending)} offset ${offset} limit ${limit}`;
  return { before: sql``, total: totalOf(search.filters), page };
}

/** As the total is known, the walk begins at the end of the list where less is to be skipped. The other walk asks for no row. */
function walkedFromNearerEnd(search: Search): Parts {
  const { offset, limit, ascending } = search.page;
  const total = sql`(select total from whole)`;
  const remaining = sql`greatest(${total} - ${offset}::bigint, 0)`;
  const fromStart = sql`2 * ${offset}::bigint < ${total}`;
  const page = sql`
    (${matching(search)} ${orderOf(search, ascending)}
      offset ${offset}::bigint limit case when ${fromStart} then ${limit}::bigint else 0 end)
    union all
    (${matching(search)} ${orderOf(search, !ascending)}
      offset greatest(${remaining} - ${limit}::bigint, 0) limit case when ${fromStart} then 0 else least(${limit}::bigint, ${remaining}) end)`;
  return { before: sql`with whole as materialized (select ${totalOf(search.filters)} as total)`, total, page };
}
