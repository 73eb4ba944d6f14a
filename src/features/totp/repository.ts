import { and, eq, isNull, lt, or } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import { totps } from '../../kernel/db/schema.ts';

export type TotpRow = typeof totps.$inferSelect;

export async function findTotp(tx: Tx, userId: string): Promise<TotpRow | undefined> {
  const [row] = await tx.db.select().from(totps).where(eq(totps.userId, userId));
  return row;
}

export async function insertTotp(tx: Tx, row: TotpRow): Promise<void> {
  await tx.db.insert(totps).values(row);
}

/** In place of one that was never verified. */
export async function replaceTotp(tx: Tx, { userId, ...row }: TotpRow): Promise<void> {
  await tx.db
    .insert(totps)
    .values({ userId, ...row })
    .onConflictDoUpdate({ target: totps.userId, set: row });
}

/** Uses up a time step: false when it, or a later one, was used before. */
export async function takeStep(tx: Tx, userId: string, lastStep: number): Promise<boolean> {
  const unused = or(isNull(totps.lastStep), lt(totps.lastStep, lastStep));
  const taken = await tx.db
    .update(totps)
    .set({ lastStep, ready: true })
    .where(and(eq(totps.userId, userId), unused))
    .returning({ userId: totps.userId });
  return taken.length > 0;
}

/** Returns whether there was one. */
export async function deleteTotp(tx: Tx, userId: string): Promise<boolean> {
  return (await tx.db.delete(totps).where(eq(totps.userId, userId)).returning({ userId: totps.userId })).length > 0;
}
