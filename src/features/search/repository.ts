import { asc, count, desc, eq, sql } from 'drizzle-orm';
import type { UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/client.ts';
import { users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';
import { conditionOf, type Filter } from './filter.ts';

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
  filter: Filter;
  sorting: Sorting;
  page: Page;
}

export interface Found {
  users: UserRow[];
  total: number;
}

/** The users that match, one page of them, and how many there are on all pages. */
export async function findUsers(db: Db, search: Search): Promise<Found> {
  const rows = await searchQuery(db, search);
  return { users: rows.flatMap(({ listed }) => listed ?? []), total: rows[0]?.counted.total ?? 0 };
}

/**
 * Counts and pages apart, so that each takes the index that suits it: the page mostly walks the index of its order and
 * stops when it is full. Pages are cut from ids alone, which an index holds: to skip a row costs no look at it. The
 * whole rows are then looked up one by one (the limit keeps Postgres from reading the table instead).
 */
export function searchQuery(db: Db, { filter, sorting, page: { offset, limit, ascending } }: Search) {
  const wanted = conditionOf(filter);
  const order = ascending ? asc : desc;
  const counted = db
    .select({ total: count().as('total') })
    .from(users)
    .where(wanted)
    .as('counted');
  const page = db
    .select({ id: users.id, key: sql`${sortColumns[sorting]}`.as('key') })
    .from(users)
    .where(wanted)
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
