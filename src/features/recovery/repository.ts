import { and, count, eq } from 'drizzle-orm';
import type { Call, Tx } from '../../kernel/call.ts';
import { recoveryCodes, recoverySalts } from '../../kernel/db/schema.ts';

export async function findSalt({ db }: Pick<Call, 'db'>, userId: string): Promise<Buffer | undefined> {
  const [row] = await db.select({ salt: recoverySalts.salt }).from(recoverySalts).where(eq(recoverySalts.userId, userId));
  return row?.salt;
}

/** Keeps the salt that is there. Returns the one that counts. */
export async function keepSalt(tx: Tx, userId: string, salt: Buffer): Promise<Buffer> {
  await tx.db.insert(recoverySalts).values({ userId, salt }).onConflictDoNothing();
  return (await findSalt(tx, userId)) ?? salt;
}

export async function countCodes({ db }: Pick<Call, 'db'>, userId: string): Promise<number> {
  const [row] = await db.select({ total: count() }).from(recoveryCodes).where(eq(recoveryCodes.userId, userId));
  return row?.total ?? 0;
}

export async function insertCodes(tx: Tx, userId: string, hashes: readonly Buffer[]): Promise<void> {
  await tx.db.insert(recoveryCodes).values(hashes.map((hash) => ({ userId, hash })));
}

/** Uses a code up: false when it is none of the user's, or was used. */
export async function takeCode(tx: Tx, userId: string, hash: Buffer): Promise<boolean> {
  const taken = await tx.db
    .delete(recoveryCodes)
    .where(and(eq(recoveryCodes.userId, userId), eq(recoveryCodes.hash, hash)))
    .returning({ userId: recoveryCodes.userId });
  return taken.length > 0;
}

/** With their salt: the next ones get another. Returns how many there were. */
export async function deleteCodes(tx: Tx, userId: string): Promise<number> {
  const removed = await tx.db.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId)).returning();
  await tx.db.delete(recoverySalts).where(eq(recoverySalts.userId, userId));
  return removed.length;
}
