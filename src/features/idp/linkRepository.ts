import { and, asc, count, desc, eq } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { providerLinks } from '../../kernel/db/schema.ts';
import { textKey } from '../../kernel/names.ts';
import type { Page } from '../../kernel/paging.ts';

export type LinkRow = typeof providerLinks.$inferSelect;

/** Returns whether the account was free. */
export async function insertLink(tx: Tx, link: Omit<LinkRow, 'externalKey' | 'createdAt'>): Promise<boolean> {
  const added = await tx.db
    .insert(providerLinks)
    .values({ ...link, externalKey: textKey(link.externalId), createdAt: tx.now })
    .onConflictDoNothing()
    .returning({ userId: providerLinks.userId });
  return added.length > 0;
}

/** The user whom an account is linked to. */
export async function findLinkedUser(db: Db, providerId: string, externalId: string): Promise<string | undefined> {
  const [row] = await db
    .select({ userId: providerLinks.userId })
    .from(providerLinks)
    .where(and(eq(providerLinks.providerId, providerId), eq(providerLinks.externalKey, textKey(externalId))));
  return row?.userId;
}

export async function hasLink(db: Db, userId: string): Promise<boolean> {
  const rows = await db
    .select({ providerId: providerLinks.providerId })
    .from(providerLinks)
    .where(eq(providerLinks.userId, userId))
    .limit(1);
  return rows.length > 0;
}

/** Newest last, unless told otherwise. */
export async function listLinks(
  db: Db,
  userId: string,
  { offset, limit, ascending }: Page,
): Promise<{ rows: LinkRow[]; total: number }> {
  const order = ascending ? asc : desc;
  const where = eq(providerLinks.userId, userId);
  const [rows, [counted]] = await Promise.all([
    db
      .select()
      .from(providerLinks)
      .where(where)
      .orderBy(order(providerLinks.providerId), order(providerLinks.externalKey))
      .offset(offset)
      .limit(limit),
    db.select({ total: count() }).from(providerLinks).where(where),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

/** Returns whether it was there. */
export async function deleteLink(tx: Tx, userId: string, providerId: string, externalId: string): Promise<boolean> {
  const removed = await tx.db
    .delete(providerLinks)
    .where(
      and(
        eq(providerLinks.userId, userId),
        eq(providerLinks.providerId, providerId),
        eq(providerLinks.externalKey, textKey(externalId)),
      ),
    )
    .returning({ userId: providerLinks.userId });
  return removed.length > 0;
}
