// The outbox: messages wait in a table, in the transaction of the change that they tell of, and leave at least once.
import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { App, Tx, UserRow } from '../call.ts';
import { open, seal } from '../crypto/seal.ts';
import { outbox } from '../db/schema.ts';
import type { Channel, Content, Message } from './message.ts';

/** Told after a commit that queued messages, with their channel or '' for any; every replica listens. */
export const outboxChannel = 'roster_outbox';

const place = 'outbox';

/** Milliseconds for which a message without a code is still news. */
const newsMs = 7 * 24 * 3_600_000;

/**
 * Queues a message to a user in the caller's transaction: it leaves if, and only if, the change it tells of commits.
 * Without an address or a number for the channel there is nobody to tell. SENT_TOO_OFTEN when somebody asks for more codes
 * to himself than anybody needs.
 */
export async function enqueue(tx: Tx, user: UserRow, channel: Channel, content: Content): Promise<void> {
  const to = channel === 'email' ? user.email : user.phone;
  if (to === '') return;
  if ('code' in content && tx.caller.id === user.id) tx.sendLimits.take(user.id, tx.now);
  const { id: userId, organizationId, preferredLanguage: language, username: loginName, displayName } = user;
  const message: Message = { ...content, channel, to, language, userId, organizationId, loginName, displayName };
  await tx.db.insert(outbox).values({
    kind: content.kind,
    channel,
    message: seal(tx.keys.seal, place, JSON.stringify(message)),
    userId,
    createdAt: tx.now,
    dueAt: tx.now,
    expiresAt: 'expiresAt' in content ? new Date(content.expiresAt) : new Date(tx.now.getTime() + newsMs),
  });
  await tx.db.execute(sql`select pg_notify(${outboxChannel}, ${channel})`);
}

/** A message on its way. */
export interface Letter {
  id: bigint;
  /** The same at each attempt and nobody else's, so that a receiver can tell a repetition. Says nothing. */
  reference: string;
  message: Message;
  createdAt: Date;
}

type Row = typeof outbox.$inferSelect;

/** @throws when it was sealed under another key. */
export function letterOf(app: App, { id, message: sealed, createdAt }: Row): Letter {
  const message: Message = JSON.parse(open(app.keys.seal, place, sealed));
  // Everything sealed has a random nonce in it.
  const reference = createHash('sha256').update(sealed).digest('hex').slice(0, 32);
  return { id, reference, message, createdAt };
}
