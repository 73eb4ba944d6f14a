import { and, asc, count, eq, gt, isNotNull, isNull, min, or, sql } from 'drizzle-orm';
import type { App } from '../call.ts';
import { outbox } from '../db/schema.ts';
import { letterOf, outboxChannel } from './outbox.ts';
import type { Queued } from './queue.ts';

/** What an operator sees of a message in the outbox: not what it says. */
export interface Listed extends Omit<Queued, 'message'> {
  /** Whom it goes to; undefined when it was sealed under another key. */
  to: string | undefined;
}

/** Oldest first; `dead` only those that were given up. */
export async function listLetters(app: App, { dead, limit }: { dead: boolean; limit: number }): Promise<Listed[]> {
  const rows = await app.db
    .select()
    .from(outbox)
    .where(dead ? isNotNull(outbox.deadAt) : undefined)
    .orderBy(asc(outbox.id))
    .limit(limit);
  return rows.map((row) => ({ ...row, to: receiverOf(app, row) }));
}

function receiverOf(app: App, row: Queued): string | undefined {
  try {
    return letterOf(app, row).message.to;
  } catch {
    return undefined;
  }
}

/**
 * Makes a message, or all that were given up, due now with all attempts ahead; the service is woken. What is under way stays as
 * it is, and so does what has expired: its code works no more. Returns how many.
 */
export async function retryLetters({ db, clock }: App, which: bigint | 'dead'): Promise<number> {
  const now = clock();
  const retried = await db
    .update(outbox)
    .set({ dueAt: now, attempts: 0, deadAt: null })
    .where(
      and(
        which === 'dead'
          ? isNotNull(outbox.deadAt)
          : and(eq(outbox.id, which), or(eq(outbox.attempts, 0), isNotNull(outbox.failure))),
        isWorthSending(now),
      ),
    )
    .returning({ id: outbox.id });
  if (retried.length > 0) await db.execute(sql`select pg_notify(${outboxChannel}, '')`);
  return retried.length;
}

const isWorthSending = (now: Date) => or(isNull(outbox.expiresAt), gt(outbox.expiresAt, now));

/** Drops a message, or all that were given up. Returns how many. */
export async function removeLetters({ db }: App, which: bigint | 'dead'): Promise<number> {
  const chosen = which === 'dead' ? isNotNull(outbox.deadAt) : eq(outbox.id, which);
  return (await db.delete(outbox).where(chosen).returning({ id: outbox.id })).length;
}

export interface Counts {
  waiting: number;
  /** Since when the oldest of them waits. */
  since: Date | null;
  /** Given up, and could be sent again. */
  dead: number;
  /** Given up, and expired. */
  expired: number;
}

export async function countLetters({ db, clock }: App): Promise<Counts> {
  const mayRise = isWorthSending(clock());
  const [row] = await db
    .select({
      waiting: count(sql`case when ${outbox.deadAt} is null then 1 end`),
      since: min(sql`case when ${outbox.deadAt} is null then ${outbox.createdAt} end`).mapWith(outbox.createdAt),
      dead: count(sql`case when ${mayRise} then ${outbox.deadAt} end`),
      expired: count(sql`case when not ${mayRise} then ${outbox.deadAt} end`),
    })
    .from(outbox);
  return row ?? { waiting: 0, since: null, dead: 0, expired: 0 };
}
