import { sql } from 'drizzle-orm';
import type { App, Tx, UserRow } from '../call.ts';
import { open, seal } from '../crypto/seal.ts';
import { outbox } from '../db/schema.ts';
import type { Channel, Content, Message } from './message.ts';

/** Told after a commit that queued a message; every replica listens. */
export const outboxChannel = 'roster_outbox';

const place = 'outbox';

/**
 * Queues a message to a user in the caller's transaction: it leaves if, and only if, the change it tells of commits.
 * Without an address or a number for the channel there is nobody to tell.
 */
export async function enqueue(tx: Tx, user: UserRow, channel: Channel, content: Content): Promise<void> {
  const to = channel === 'email' ? user.email : user.phone;
  if (to === '') return;
  const { id: userId, organizationId, preferredLanguage: language, username: loginName, displayName } = user;
  const message: Message = { ...content, channel, to, language, userId, organizationId, loginName, displayName };
  await tx.db.insert(outbox).values({
    kind: content.kind,
    channel,
    message: seal(tx.keys.seal, place, JSON.stringify(message)),
    createdAt: tx.now,
    dueAt: tx.now,
    expiresAt: 'expiresAt' in content ? new Date(content.expiresAt) : null,
  });
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
