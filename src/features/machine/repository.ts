import { and, asc, count, desc, eq, inArray, or, type SQL } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/client.ts';
import { matchTime, type TimeMatch } from '../../kernel/db/matchTime.ts';
import { personalAccessTokens, users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';

type TokenRow = typeof personalAccessTokens.$inferSelect;
export type ListedToken = Omit<TokenRow, 'hash'> & { organizationId: string };

export type TokenFilter =
  | { field: 'id' | 'userId' | 'organizationId'; id: string }
  | ({ field: 'createdAt' | 'expiresAt' } & TimeMatch);

export interface TokenSearch {
  filters: readonly TokenFilter[];
  sort: TokenFilter['field'];
  page: Page;
}

/** Whose tokens a caller sees: his own, and those of users in these organizations. */
export interface Sight {
  userId: string;
  readable: 'everywhere' | readonly string[];
}

const { id, userId, expiresAt, createdAt, changedAt } = personalAccessTokens;
const { organizationId } = users;
/** What a list may filter and sort by. */
const columns = { id, userId, organizationId, createdAt, expiresAt };

export async function insertToken(tx: Tx, row: TokenRow): Promise<void> {
  await tx.db.insert(personalAccessTokens).values(row);
}

/** False when the user has no such token. */
export async function deleteToken(tx: Tx, user: string, token: string): Promise<boolean> {
  const rows = await tx.db
    .delete(personalAccessTokens)
    .where(and(eq(id, token), eq(userId, user)))
    .returning({ id });
  return rows.length > 0;
}

/** A page of the tokens, never their hashes, and how many there are. */
export async function listRows(db: Db, sight: Sight, { filters, sort, page }: TokenSearch) {
  const wanted = and(visible(sight), ...filters.map(condition));
  const direction = page.ascending ? asc : desc;
  const isOwner = eq(users.id, userId);
  const [rows, [counted]] = await Promise.all([
    db
      .select({ ...columns, changedAt })
      .from(personalAccessTokens)
      .innerJoin(users, isOwner)
      .where(wanted)
      .orderBy(direction(columns[sort]), direction(id))
      .offset(page.offset)
      .limit(page.limit),
    db.select({ total: count() }).from(personalAccessTokens).innerJoin(users, isOwner).where(wanted),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

function visible({ userId: own, readable }: Sight): SQL | undefined {
  if (readable === 'everywhere') return undefined;
  return or(eq(userId, own), inArray(organizationId, [...readable]));
}

function condition(filter: TokenFilter): SQL {
  switch (filter.field) {
    case 'id':
    case 'userId':
    case 'organizationId':
      return eq(columns[filter.field], filter.id);
    case 'createdAt':
    case 'expiresAt':
      return matchTime(columns[filter.field], filter);
  }
}
