import { type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../kernel/db/driver.ts';
import { plannedAnew } from '../../kernel/db/preparing.ts';
import { users } from '../../kernel/db/schema.ts';
import { valuesOf } from '../../kernel/db/values.ts';
import type { Page } from '../../kernel/paging.ts';
import type { ShownUser } from '../user/convertUser.ts';
import { allHold, type Filter, looksAtRows, needsOwnPlan } from './filter.ts';
import { shownColumns, shownUser } from './shownRepository.ts';
import { totalOf } from './totalRepository.ts';

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

export interface Found {
  users: ShownUser[];
  total: number;
}

/** A page of the users that match, and how many there are on all pages. */
export async function findUsers(db: Db, search: Search): Promise<Found> {
  const rows = await valuesOf(db, searchQuery(search));
  // A page without users is one row with the total alone.
  const listed = rows[0]?.[1] === null ? [] : rows;
  return { users: listed.map((row) => shownUser(row, 1)), total: Number(rows[0]?.[0]) };
}

/** Total and page in one statement: they are of the same moment. */
export function searchQuery(search: Search): SQL {
  const { before, total, listed } = partsOf(search);
  const order = directionOf(search.page.ascending);
  const plan = needsOwnPlan(search.filters) ? plannedAnew : sql``;
  return sql`${plan}
    ${before}
    select counted.total, ${shownColumns} from (select ${total} as total) counted
    left join (${listed}) users on true
    order by users.key ${order}, users.id ${order}`;
}

interface Parts {
  /** A step that the others refer to. */
  before: SQL;
  total: SQL;
  /** The rows of the page, and the keys that they are sorted by. */
  listed: SQL;
}

/**
 * The rows of a page that was cut from ids alone: indexes hold those, so that to skip a row costs no look at it. The limit
 * of one is what keeps Postgres from reading the table instead.
 */
const rowsOf = (page: SQL): SQL => sql`
  select page.key, found.* from (${page}) page, lateral (select * from ${users} where ${users.id} = page.id limit 1) found`;

/** From here on a page may be nearer to the end of its list than to the beginning, for a walk that is worth it. */
const deepOffset = 1_000;

function partsOf(search: Search): Parts {
  if (search.filters.some(looksAtRows)) return pickedFromMatches(search);
  if (search.page.offset >= deepOffset) return walkedFromNearerEnd(search);
  return {
    before: sql``,
    total: totalOf(search.filters),
    listed: search.page.offset === 0 && hasOwnOrder(search) ? first(search) : walked(search),
  };
}

const directionOf = (ascending: boolean): SQL => (ascending ? sql`asc` : sql`desc`);

/** Whether an index has just these users in just this order: none is skipped. */
const hasOwnOrder = ({ filters }: Search): boolean =>
  filters.length === 0 ||
  (filters.length === 1 && filters.every((filter) => filter.on === 'organizations' && filter.ids.length === 1));

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
    listed: rowsOf(sql`select * from matching order by key ${direction}, id ${direction} offset ${offset} limit ${limit}`),
  };
}

function first(search: Search): SQL {
  const { limit, ascending } = search.page;
  return sql`select *, ${sortColumns[search.sorting]} as key from ${users} where ${allHold(search.filters)} ${orderOf(search, ascending)} limit ${limit}`;
}

/** The page mostly walks the index of its order, and stops when it is full. */
function walked(search: Search): SQL {
  const { offset, limit, ascending } = search.page;
  return rowsOf(sql`${matching(search)} ${orderOf(search, ascending)} offset ${offset} limit ${limit}`);
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
  return { before: sql`with whole as materialized (select ${totalOf(search.filters)} as total)`, total, listed: rowsOf(page) };
}
