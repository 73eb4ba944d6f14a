import { and, asc, desc, eq, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../kernel/db/driver.ts';
import { matchTime, type TimeMatch } from '../../kernel/db/matchTime.ts';
import { sessions, users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';
import { type ShownSession, shownColumns } from './repository.ts';

/** A condition on sessions. */
export type Filter =
  | { on: 'ids'; ids: readonly string[] }
  | { on: 'user'; id: string }
  | { on: 'creator'; id: string }
  | { on: 'fingerprint'; id: string }
  | ({ on: 'creation' | 'expiration' } & TimeMatch);

export interface SessionSearch {
  /** All must hold. */
  filters: readonly Filter[];
  sorting: 'id' | 'createdAt';
  page: Page;
}

/** Whose sessions the caller may read. */
export interface Reader {
  callerId: string;
  readable: 'everywhere' | readonly string[];
}

export interface FoundSessions {
  sessions: ShownSession[];
  total: number;
}

/** A page of what matches and may be read, and how many there are on all pages. */
export async function findSessions(db: Db, reader: Reader, { filters, sorting, page }: SessionSearch): Promise<FoundSessions> {
  const { offset, limit, ascending } = page;
  const order = ascending ? asc : desc;
  const where = and(isNull(sessions.endedAt), visibleTo(reader), ...filters.map(holds));
  const [rows, [counted]] = await Promise.all([
    db
      .select(shownColumns)
      .from(sessions)
      .leftJoin(users, eq(users.id, sessions.userId))
      .where(where)
      .orderBy(order(sessions[sorting]), order(sessions.id))
      .offset(offset)
      .limit(limit),
    db.select({ total: sql<string>`count(*)` }).from(sessions).where(where),
  ]);
  return { sessions: rows, total: Number(counted?.total ?? 0) };
}

function visibleTo({ callerId, readable }: Reader): SQL | undefined {
  if (readable === 'everywhere') return undefined;
  const own = [eq(sessions.creatorId, callerId), eq(sessions.userId, callerId)];
  return or(...own, ...(readable.length > 0 ? [inArray(sessions.organizationId, [...readable])] : []));
}

function holds(filter: Filter): SQL | undefined {
  switch (filter.on) {
    case 'ids':
      return inArray(sessions.id, [...filter.ids]);
    case 'user':
      return eq(sessions.userId, filter.id);
    case 'creator':
      return eq(sessions.creatorId, filter.id);
    case 'fingerprint':
      return sql`${sessions.userAgent} ->> 'fingerprintId' = ${filter.id}`;
    case 'creation':
      return matchTime(sessions.createdAt, filter);
    case 'expiration': {
      const expires = matchTime(sessions.expiresAt, filter);
      const later = filter.comparison === 'after' || filter.comparison === 'afterOrEquals';
      return later ? or(expires, isNull(sessions.expiresAt)) : expires;
    }
  }
}
