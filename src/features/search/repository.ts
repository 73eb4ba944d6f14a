import { asc, desc, eq, type SQL, sql } from 'drizzle-orm';
import type { UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/client.ts';
import { instanceUserCounts, userCounts, users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';
import { allHold, type Filter, onCounts } from './filter.ts';

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
  users: UserRow[];
  total: number;
}

/** A page of the users that match, and how many there are on all pages. */
export async function findUsers(db: Db, search: Search): Promise<Found> {
  const rows = await searchQuery(db, search);
  return { users: rows.flatMap(({ listed }) => listed ?? []), total: rows[0]?.counted.total ?? 0 };
}

/**
 * Total and page in one statement, each by the index that suits it: the page mostly walks the index of its order and
 * stops when it is full. It is cut from ids alone, which an index holds, so that to skip a row costs no look at it. The
 * rows themselves are then fetched one by one; the limit of one is what keeps Postgres from reading the table instead.
 */
export function searchQuery(db: Db, { filters, sorting, page: { offset, limit, ascending } }: Search) {
  const order = ascending ? asc : desc;
  const counted = db
    .select({ total: totalOf(filters).as('total') })
    .from(sql`(select) as one`)
    .as('counted');
  const page = db
    .select({ id: users.id, key: sql`${sortColumns[sorting]}`.as('key') })
    .from(users)
    .where(allHold(filters))
    .orderBy(order(sortColumns[sorting]), order(users.id))
    .offset(offset)
    .limit(limit)
    .as('page');
  const listed = db.select().from(users).where(eq(users.id, page.id)).limit(1).as('listed');
  return db
    .select()
    .from(counted)
    .leftJoin(page, sql`true`)
    .leftJoinLateral(listed, sql`true`)
    .orderBy(order(page.key), order(page.id));
}

/**
 * The exact total. By kind of user it is kept (`userCounts`). No index finds those for whom a condition does not hold, so
 * they are what remains when those for whom it holds are taken away.
 */
function totalOf(filters: readonly Filter[]): SQL<number> {
  const kept = keptCounts(filters);
  if (kept) return kept;
  const positive = filters.filter(({ on }) => on !== 'not');
  const negated = filters.flatMap((filter) => (filter.on === 'not' ? [filter.filter] : []));
  if (negated.length === 0) return countOf(positive);
  return sql`${totalOf(positive)} - ${countOf([...positive, { on: 'or', filters: negated }])}`.mapWith(Number);
}

/** The sum of the kept counts, where the filters ask for nothing else than they are kept by. */
function keptCounts(filters: readonly Filter[]): SQL<number> | undefined {
  const counts = filters.some(({ on }) => on === 'organizations') ? userCounts : instanceUserCounts;
  const conditions = filters.map((filter) => onCounts(filter, counts));
  if (!conditions.every((condition) => condition !== undefined)) return undefined;
  const wanted = conditions.length > 0 ? sql.join(conditions, sql` and `) : sql`true`;
  return sql`(select coalesce(sum(${counts.total}), 0) from ${counts} where ${wanted})`.mapWith(Number);
}

const countOf = (filters: readonly Filter[]): SQL<number> =>
  sql`(select count(*) from ${users} where ${allHold(filters)})`.mapWith(Number);
