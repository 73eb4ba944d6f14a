// The one-time codes that a session asked for. They are the session's: a code of another one is wrong.
import { and, eq, gt, lt, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import { sessionCodes } from '../../kernel/db/schema.ts';
import type { Channel } from '../../kernel/outbox/message.ts';

/** Wrong tries after which a code is dead. */
export const maximumFailures = 5;

export interface CodeKey {
  sessionId: string;
  channel: Channel;
}

const matching = ({ sessionId, channel }: CodeKey) =>
  and(eq(sessionCodes.sessionId, sessionId), eq(sessionCodes.channel, channel));

/** In place of one that was there. */
export async function writeCode(tx: Tx, key: CodeKey, code: { hash: Buffer; expiresAt: Date }): Promise<void> {
  const row = { ...code, failures: 0 };
  await tx.db
    .insert(sessionCodes)
    .values({ ...key, ...row })
    .onConflictDoUpdate({ target: [sessionCodes.sessionId, sessionCodes.channel], set: row });
}

/** Uses a code up: false when it is wrong, expired or dead. */
export async function takeCode(tx: Tx, key: CodeKey, hash: Buffer): Promise<boolean> {
  const usable = and(gt(sessionCodes.expiresAt, tx.now), lt(sessionCodes.failures, maximumFailures));
  const taken = await tx.db
    .delete(sessionCodes)
    .where(and(matching(key), usable, eq(sessionCodes.hash, hash)))
    .returning({ sessionId: sessionCodes.sessionId });
  return taken.length > 0;
}

export async function findCode(tx: Tx, key: CodeKey): Promise<typeof sessionCodes.$inferSelect | undefined> {
  const [row] = await tx.db.select().from(sessionCodes).where(matching(key));
  return row;
}

/** After a wrong try. */
export async function failCode(tx: Tx, key: CodeKey): Promise<void> {
  await tx.db
    .update(sessionCodes)
    .set({ failures: sql`${sessionCodes.failures} + 1` })
    .where(matching(key));
}
