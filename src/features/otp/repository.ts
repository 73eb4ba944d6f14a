import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { otpFactors } from '../../kernel/db/schema.ts';
import type { Channel } from '../../kernel/outbox/message.ts';

export async function hasFactor(db: Db, userId: string, channel: Channel): Promise<boolean> {
  const rows = await db
    .select({ userId: otpFactors.userId })
    .from(otpFactors)
    .where(and(eq(otpFactors.userId, userId), eq(otpFactors.channel, channel)));
  return rows.length > 0;
}

/** Returns whether it was not there before. */
export async function insertFactor(tx: Tx, userId: string, channel: Channel): Promise<boolean> {
  const added = await tx.db.insert(otpFactors).values({ userId, channel, createdAt: tx.now }).onConflictDoNothing().returning();
  return added.length > 0;
}

/** Returns whether it was there. */
export async function deleteFactor(tx: Tx, userId: string, channel: Channel): Promise<boolean> {
  const removed = await tx.db
    .delete(otpFactors)
    .where(and(eq(otpFactors.userId, userId), eq(otpFactors.channel, channel)))
    .returning();
  return removed.length > 0;
}
