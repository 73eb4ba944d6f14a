import { and, eq, type SQL, sql } from 'drizzle-orm';
import { can } from './auth/caller.ts';
import type { Call } from './call.ts';
import type { Db } from './db/driver.ts';
import { prepared } from './db/prepared.ts';
import { guesses } from './db/schema.ts';
import { failure } from './errors.ts';

/** What is being guessed: each has its own counter. */
export type Guessed = (typeof guesses.$inferInsert)['kind'];

/** Wrong tries in a row before the first wait. */
export const freeTries = 5;
/**
 * Tries at one user's password that a process looks at at once, the others waiting: a try is counted before it is looked at,
 * and several replicas full of right ones must not use up the free tries.
 */
export const passwordsAtOnce = 2;
/** Seconds to wait after the last of these; doubled with each further wrong try. */
export const firstWaitSeconds = 1;
/** Seconds to wait at most: a guesser gets 144 tries a day, and the owner is kept out no longer than this. */
export const longestWaitSeconds = 600;
/** Doublings after which the longest wait is reached for sure; more would overflow. */
const maximumDoublings = 20;
/** Hours after the last wrong try until all are forgotten. */
export const memoryHours = 24;
const memoryMs = memoryHours * 60 * 60 * 1000;

const waitMs = (failures: number) =>
  failures < freeTries
    ? 0
    : Math.min(longestWaitSeconds, firstWaitSeconds * 2 ** Math.min(failures - freeTries, maximumDoublings)) * 1000;

// The same as an SQL expression of the row that is there.
const wait = sql`case when ${guesses.failures} < ${freeTries} then 0
  else least(${longestWaitSeconds}, ${firstWaitSeconds} * power(2, least(${guesses.failures} - ${freeTries}, ${maximumDoublings}))) end
  * interval '1 second'`;

/** A secret that a call is held against. */
export interface Guess {
  userId: string;
  kind: Guessed;
  /** Undefined when there is no such user: his tries count like anybody's, or the wait would tell. */
  user: { organizationId: string } | undefined;
}

/**
 * Whose wrong tries the caller's network answers for. Who may read the user passes on what other people typed: his network
 * tells nothing of theirs.
 */
const networkOf = ({ caller, network }: Call, { user }: Guess) =>
  user !== undefined && can(caller, 'user.read', user.organizationId) ? undefined : network;

/**
 * A stranger's tries at one user's codes: a code dies of wrong tries, so that otherwise whoever knows a user's id could kill
 * each one before its owner has read it.
 */
function strangerKey(call: Call, guess: Guess): string | undefined {
  const network = networkOf(call, guess);
  if (network === undefined || guess.kind !== 'code' || call.caller.id === guess.userId) return undefined;
  return `${network} ${guess.userId}`;
}

/**
 * Counts a try before it is looked at: however many come at once, no more are looked at than the limit lets. Then it is
 * looked at (`settleTry`), or not after all (`takeBackTry`). Returns the wrong tries in a row, this one among them.
 * TRIED_TOO_OFTEN, with the time left, while the wait lasts, or when the caller's network has used up
 * its wrong tries; such a try does not count.
 */
export async function countTry(call: Call, guess: Guess): Promise<number> {
  const { db, now } = call;
  const { userId, kind } = guess;
  call.tryLimits.refuseUsedUp(networkOf(call, guess), now);
  const stranger = strangerKey(call, guess);
  call.codeTryLimits.take(stranger, now);
  const forgotten = new Date(now.getTime() - memoryMs).toISOString();
  const [counted] = await counting(db).execute({ userId, kind, now: now.toISOString(), forgotten });
  if (counted) return counted.failures;
  call.codeTryLimits.giveBack(stranger, now);
  throw failure('TRIED_TOO_OFTEN', { retryAfterMs: await remaining(db, guess, now) });
}

const kindAsked = sql`${sql.placeholder('kind')}::guess_kind`;
const ofKind = and(eq(guesses.userId, sql.placeholder('userId')), eq(guesses.kind, kindAsked));
const now = sql`${sql.placeholder('now')}::timestamptz`;
const counting = prepared((db) =>
  db
    .insert(guesses)
    .values({ userId: sql.placeholder('userId'), kind: kindAsked, failures: 1, lastAt: now })
    .onConflictDoUpdate({
      target: [guesses.userId, guesses.kind],
      set: {
        failures: sql`case when ${guesses.lastAt} < ${sql.placeholder('forgotten')}::timestamptz then 1 else ${guesses.failures} + 1 end`,
        lastAt: sql`greatest(${guesses.lastAt}, ${now})`,
      },
      // A call that began before another one that was counted first may still try.
      setWhere: sql`${guesses.failures} < ${freeTries} or ${guesses.lastAt} + ${wait} <= ${now}`,
    })
    .returning({ failures: guesses.failures })
    .prepare('count_try'),
);

/** Wrong tries in a row. */
export async function triesOf(db: Db, userId: string, kind: Guessed): Promise<number> {
  const [row] = await db.select({ failures: guesses.failures }).from(guesses).where(matching(userId, kind));
  return row?.failures ?? 0;
}

/** TRIED_TOO_OFTEN, as `countTry` would say: for what takes long to prepare and should not be prepared in vain. */
export async function refuseWhileWaiting({ db, now }: Call, guess: Guess): Promise<void> {
  const [row] = await db.select().from(guesses).where(matching(guess.userId, guess.kind));
  const forgotten = !row || row.lastAt.getTime() < now.getTime() - memoryMs;
  if (forgotten || row.failures < freeTries || row.lastAt.getTime() + waitMs(row.failures) <= now.getTime()) return;
  throw failure('TRIED_TOO_OFTEN', { retryAfterMs: await remaining(db, guess, now) });
}

async function remaining(db: Db, { userId, kind }: Guess, now: Date): Promise<number> {
  const [row] = await db.select().from(guesses).where(matching(userId, kind));
  return row ? Math.max(1, row.lastAt.getTime() + waitMs(row.failures) - now.getTime()) : 1;
}

/** A try that was counted was looked at: a right one is forgiven, and those before it; for a wrong one the network answers too. */
export async function settleTry(call: Call, guess: Guess, right: boolean): Promise<void> {
  if (!right) return call.tryLimits.charge(networkOf(call, guess), call.now);
  call.codeTryLimits.giveBack(strangerKey(call, guess), call.now);
  await forgiveTries(call.db, guess.userId, guess.kind);
}

/** A try was counted and then not looked at. */
export async function takeBackTry({ db }: Call, { userId, kind }: Guess): Promise<void> {
  await takingBack(db).execute({ userId, kind });
}

const takingBack = prepared((db) =>
  db
    .update(guesses)
    .set({ failures: sql`greatest(${guesses.failures} - 1, 0)` })
    .where(ofKind)
    .prepare('take_back_try'),
);

/** After a right try, a new password, or a new code. */
export async function forgiveTries(db: Db, userId: string, kind: Guessed): Promise<void> {
  await forgiving(db).execute({ userId, kind });
}

const forgiving = prepared((db) => db.delete(guesses).where(ofKind).prepare('forgive_tries'));

/** The same as a step of another statement, with placeholders for `userId` and `kind`, where the condition holds. */
export const forgivingStep = (db: Db, condition: SQL) =>
  db.$with('forgiven', {}).as(sql`delete from ${guesses} where ${and(ofKind, condition)}`);

/** After an unlock, and with the user. */
export async function forgiveAllTries(db: Db, userId: string): Promise<void> {
  await db.delete(guesses).where(eq(guesses.userId, userId));
}

const matching = (userId: string, kind: Guessed) => and(eq(guesses.userId, userId), eq(guesses.kind, kind));
