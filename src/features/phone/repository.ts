import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import { otpFactors } from '../../kernel/db/schema.ts';

/** One-time codes by SMS, as a factor. Returns whether it was there. */
export async function deleteSmsFactor(tx: Tx, userId: string): Promise<boolean> {
  const removed = await tx.db
    .delete(otpFactors)
    .where(and(eq(otpFactors.userId, userId), eq(otpFactors.channel, 'sms')))
    .returning({ userId: otpFactors.userId });
  return removed.length > 0;
}
