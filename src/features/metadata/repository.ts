import { and, asc, desc, eq, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { matchText, type TextMatch } from '../../kernel/db/matchText.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { userMetadata } from '../../kernel/db/schema.ts';
import { textKey } from '../../kernel/names.ts';
import type { Page } from '../../kernel/paging.ts';

export type StoredEntry = typeof userMetadata.$inferSelect;
export type ListedEntry = Pick<StoredEntry, 'key' | 'value' | 'createdAt' | 'changedAt'>;
export type KeyFilter = TextMatch;

export async function findEntries(db: Db, userId: string, keys: readonly string[]): Promise<StoredEntry[]> {
  return keys.length === 0 ? [] : entriesOf(db).execute({ userId, keys });
}

const entriesOf = prepared((db) =>
  db
    .select()
    .from(userMetadata)
    .where(
      and(eq(userMetadata.userId, sql.placeholder('userId')), sql`${userMetadata.key} = any(${sql.placeholder('keys')}::text[])`),
    )
    .prepare('find_entries'),
);

/** The keys go as one parameter: a statement has room for 65535, and a request may name more. */
const isOneOf = (keys: readonly string[]) => sql`${userMetadata.key} = any(${sql.param([...keys])}::text[])`;

/** Entries of one statement; each takes six of its parameters. */
const batch = 5000;

export async function upsertEntries(tx: Tx, userId: string, entries: readonly (readonly [string, Uint8Array])[]): Promise<void> {
  const dates = { createdAt: tx.now, changedAt: tx.now };
  const rows = entries.map(([key, value]) => ({ userId, key, keyKey: textKey(key), value: Buffer.from(value), ...dates }));
  for (let start = 0; start < rows.length; start += batch) {
    await tx.db
      .insert(userMetadata)
      .values(rows.slice(start, start + batch))
      .onConflictDoUpdate({
        target: [userMetadata.userId, userMetadata.key],
        set: { value: sql`excluded.value`, changedAt: sql`excluded.changed_at` },
      });
  }
}

export async function deleteEntries(tx: Tx, userId: string, keys: readonly string[]): Promise<void> {
  await tx.db.delete(userMetadata).where(and(eq(userMetadata.userId, userId), isOneOf(keys)));
}

/** A page of a user's entries by creation, and how many there are. */
export async function listEntries(db: Db, userId: string, filters: readonly KeyFilter[], { offset, limit, ascending }: Page) {
  const { key, keyKey, value, createdAt, changedAt } = userMetadata;
  const wanted = and(eq(userMetadata.userId, userId), ...filters.map((filter) => matchText(key, keyKey, filter)));
  const direction = ascending ? asc : desc;
  const [entries, total] = await Promise.all([
    db
      .select({ key, value, createdAt, changedAt })
      .from(userMetadata)
      .where(wanted)
      .orderBy(direction(createdAt), direction(key))
      .offset(offset)
      .limit(limit),
    db.$count(userMetadata, wanted),
  ]);
  return { entries, total };
}
