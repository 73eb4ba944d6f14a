import { and, eq, sql } from 'drizzle-orm';
import type { App } from './call.ts';
import type { Db } from './db/client.ts';
import { guesses } from './db/schema.ts';
import { failure } from './errors.ts';

/** What is being guessed: each has its own counter. */
export type Guessed = (typeof guesses.$inferInsert)['kind'];

/** Wrong tries in a row before the first wait. */
export const freeTries = 5;
/** Seconds to wait after the last of these; doubled with each further wrong try. */
const firstWait = 1;
/** Seconds to wait at most: a guesser gets 144 tries a day, and the owner is kept out no longer than this. */
const longestWait = 600;
/** Doublings after which the longest wait is reached for sure; more would overflow. */
const maximumDoublings = 20;

const waitMs = (failures: number) =>
  failures < freeTries ? 0 : Math.min(longestWait, firstWait * 2 ** Math.min(failures - freeTries, maximumDoublings)) * 1000;

// The same as an SQL expression of the row that is there.
const wait = sql`case when ${guesses.failures} < ${freeTries} then 0
  else least(${longestWait}, ${firstWait} * power(2, least(${guesses.failures} - ${freeTries}, ${maximumDoublings}))) end
  * interval '1 second'`;

/**
 * Counts a try before it is looked at: however many come at once, no more are looked at than the limit lets. A right one
 * is forgiven afterwards. TRIED_TOO_OFTEN, with the time left, while the wait lasts; such a try does not count.
 */
export async function countTry({ db, now }: Pick<App, 'db'> & { now: Date }, userId: string, kind: Guessed): Promise<void> {
  const admitted = await db
    .insert(guesses)
    .values({ userId, kind, failures: 1, lastAt: now })
    .onConflictDoUpdate({
      target: [guesses.userId, guesses.kind],
      set: { failures: sql`${guesses.failures} + 1`, lastAt: now },
      setWhere: sql`${guesses.lastAt} + ${wait} <= ${now.toISOString()}::timestamptz`,
    })
    .returning({ failures: guesses.failures });
  if (admitted.length === 0) throw failure('TRIED_TOO_OFTEN', { retryAfterMs: await remaining(db, userId, kind, now) });
}

async function remaining(db: Db, userId: string, kind: Guessed, now: Date): Promise<number> {
  const [row] = await db.select().from(guesses).where(matching(userId, kind));
  return row ? Math.max(1, row.lastAt.getTime() + waitMs(row.failures) - now.getTime()) : 1;
}

/** After a right try, an unlock, or a new password. */
export async function forgiveTries(db: Db, userId: string, kind: Guessed): Promise<void> {
  await db.delete(guesses).where(matching(userId, kind));
}

const matching = (userId: string, kind: Guessed) => and(eq(guesses.userId, userId), eq(guesses.kind, kind));
