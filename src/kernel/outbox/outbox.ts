import { sql } from 'drizzle-orm';
import type { App, Tx } from '../call.ts';
import { open, seal } from '../crypto/seal.ts';
import { outbox } from '../db/schema.ts';

/** A message to a person. Holds a code: it lies sealed in the database and never reaches a log. */
export interface Message {
  kind: 'verify-email' | 'verify-phone';
  channel: 'email' | 'sms';
  to: string;
  userId: string;
  organizationId: string;
  code: string;
  urlTemplate?: string | undefined;
}

/** Told after a commit that queued a message; every replica listens. */
export const outboxChannel = 'roster_outbox';

const place = 'outbox';

/** Queues a message in the caller's transaction: it leaves if, and only if, the change it tells of commits. */
export async function enqueue(tx: Tx, message: Message): Promise<void> {
  const sealed = seal(tx.keys.seal, place, JSON.stringify(message));
  await tx.db.insert(outbox).values({ message: sealed, createdAt: tx.now });
  await tx.db.execute(sql`select pg_notify(${outboxChannel}, '')`);
}

/** Takes the oldest waiting message and delivers it; it is gone when `deliver` returns, back in the queue when it throws. */
export async function deliverNext(app: App, deliver: (id: bigint, message: Message) => Promise<void>): Promise<boolean> {
  return app.db.transaction(async (db) => {
    const [row] = await db.select().from(outbox).orderBy(outbox.id).limit(1).for('update', { skipLocked: true });
    if (!row) return false;
    const message: Message = JSON.parse(open(app.keys.seal, place, row.message));
    await deliver(row.id, message);
    await db.delete(outbox).where(sql`${outbox.id} = ${row.id}`);
    return true;
  });
}
