import { and, eq, isNull, lte, sql } from 'drizzle-orm';
import type { App } from '../call.ts';
import { outbox } from '../db/schema.ts';
import type { Channel } from './message.ts';

export type Queued = typeof outbox.$inferSelect;

/** Milliseconds that a process has for one delivery. */
export const deliveryMs = 60_000;
/** Milliseconds after which a message that was taken, and neither delivered nor given back, is anybody's again. */
const leaseMs = 5 * deliveryMs;
/** Attempts after which a message is given up: the last one comes about 80 minutes after the first. */
export const maximumAttempts = 15;
/** Milliseconds until the second attempt; doubled with each further one, up to the longest pause. */
const firstPauseMs = 5000;
const longestPauseMs = 600_000;
/** Hours for which a message that was given up, and has expired, still shows that it did not arrive. */
export const shownHours = 7 * 24;

/**
 * Takes up to `count` due messages of a channel, oldest first, for this process alone: by moving their due time ahead, so that
 * no transaction stays open meanwhile. While it is taken it has attempts and no failure. `expiredOnly`: those that nobody may send any more.
 */
export async function take({ db, clock }: App, channel: Channel, count: number, expiredOnly = false): Promise<Queued[]> {
  const now = clock();
  const due = db
    .select({ id: outbox.id })
    .from(outbox)
    .where(
      and(
        isNull(outbox.deadAt),
        lte(outbox.dueAt, now),
        eq(outbox.channel, channel),
        expiredOnly ? lte(outbox.expiresAt, now) : undefined,
      ),
    )
    .orderBy(outbox.dueAt, outbox.id)
    .limit(count)
    .for('update', { skipLocked: true });
  return (
    db
      .update(outbox)
      .set({ dueAt: new Date(now.getTime() + leaseMs), attempts: sql`${outbox.attempts} + 1`, failure: null })
      // As an array, so that the limit is drawn once, however the statement is planned.
      .where(sql`${outbox.id} = any(array(${due}))`)
      .returning()
  );
}

/** It was delivered. */
export async function finish({ db }: App, { id }: Queued): Promise<void> {
  await db.delete(outbox).where(eq(outbox.id, id));
}

/** Gives a message back for another attempt, after so many milliseconds at least. Returns when it is due. */
export async function postpone(app: App, taken: Queued, failure: string, atLeastMs: number): Promise<Date> {
  const pause = Math.max(atLeastMs, Math.min(longestPauseMs, firstPauseMs * 2 ** (taken.attempts - 1)));
  const dueAt = new Date(app.clock().getTime() + pause);
  await app.db.update(outbox).set({ dueAt, failure }).where(stillTaken(taken));
  return dueAt;
}

/** Gives a message up: an operator may have it tried again until it expires. */
export async function bury(app: App, taken: Queued, failure: string): Promise<void> {
  await app.db.update(outbox).set({ deadAt: app.clock(), failure }).where(stillTaken(taken));
}

/** Unless it took so long that somebody else has taken it since. */
const stillTaken = ({ id, attempts }: Queued) => and(eq(outbox.id, id), eq(outbox.attempts, attempts));
