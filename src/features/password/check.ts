// Looking at a password: counted before it is looked at, at the same cost whoever is asked about, and outside of any
// transaction, as it takes long.
import { isVisible, refusedProof } from '../../kernel/auth/authorize.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { coversAll, hashPassword, isOutdated, verifyDecoy, verifyPassword } from '../../kernel/crypto/hashes/hashes.ts';
import { HashingBusy } from '../../kernel/crypto/hashes/pool.ts';
import { failure } from '../../kernel/errors.ts';
import { evenOut } from '../../kernel/evenOut.ts';
import { countTry, forgiveTries, type Guess, settleTry, takeBackTry } from '../../kernel/guessing.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { recordWrongPassword } from './lockOut.ts';
import { findHash, replaceHash, type UserWithHash } from './repository.ts';

/** Whose password is looked at. */
export interface Subject {
  userId: string;
  user: UserRow | undefined;
  unknown?: Reason | undefined;
}

/** The stored hash that the password is right for. Costs the same whether there is such a user, and whether he has one. */
export async function checkCurrent(call: Call, { userId, user, unknown }: Subject, password: string): Promise<string> {
  const begun = performance.now();
  const hash = user && (await findHash(call, user.id));
  const looked = await tryPassword(call, { userId, user, hash }, password, async (right, guess) => {
    await settleTry(call, guess, true);
    return right;
  });
  if (looked.right) return looked.result;
  // Imported hashes cost something else than the decoy, and history is written for those only who have one.
  if (!user || !isVisible(call, user)) await evenOut(begun);
  throw refusedProof(call, user, 'PASSWORD_WRONG', unknown);
}

/** What came of a look at a password: of a wrong one, the wrong ones in a row. */
export type PasswordCheck<T> = { right: true; result: T } | { right: false; failures: number };

/**
 * Looks at the password of somebody who signs in, before any lock is taken, and goes on with the stored hash that it is
 * right for. That it was right forgives nothing (confirmPassword does): what else is checked in the same call may be wrong,
 * and then nobody tried. Takes the same time for an unknown user. PASSWORD_NOT_SET, TRIED_TOO_OFTEN.
 */
export const lookAtPassword = <T>(
  call: Call,
  { user, hash }: UserWithHash,
  password: string,
  goOn: (hash: string) => Promise<T>,
): Promise<PasswordCheck<T>> =>
  tryPassword(call, { userId: user.id, user, hash }, password, async (right, guess) => {
    try {
      return await goOn(right);
    } catch (error) {
      await takeBackTry(call, guess);
      throw error;
    }
  });

/** Costs what a look at a password costs, for a name that nobody has. */
export const lookAtNothing = verifyDecoy;

/**
 * Under the lock: whether the password is still the one that was right. Wrong ones before it are forgiven; where it is not,
 * the caller undoes that.
 */
export async function confirmPassword(tx: Tx, userId: string, hash: string): Promise<boolean> {
  const [stored] = await Promise.all([findHash(tx, userId), forgiveTries(tx.db, userId, 'password')]);
  return stored === hash;
}

interface Tried {
  userId: string;
  user: UserRow | undefined;
  /** What is stored. */
  hash: string | undefined;
}

/** Counts a try, looks at the password, and goes on with the hash that it is right for, the try still counted. */
async function tryPassword<T>(
  call: Call,
  { userId, user, hash }: Tried,
  password: string,
  goOn: (hash: string, guess: Guess) => Promise<T>,
): Promise<PasswordCheck<T>> {
  if (user && hash === undefined && isVisible(call, user)) throw failure('PASSWORD_NOT_SET');
  const guess = { userId, kind: 'password', user } as const;
  // Until it is settled: right ones that come at once must not use up the free tries.
  return call.passwordTurns.take(userId, async () => {
    const failures = await countTry(call, guess);
    if ((await unlessBusy(call, guess, () => isRight(hash, password))) && hash !== undefined) {
      const stored = isOutdated(hash) && coversAll(hash, password) ? await rehash(call, userId, hash, password) : hash;
      return { right: true, result: await goOn(stored, guess) };
    }
    await settleTry(call, guess, false);
    if (user) await transaction(call, (tx) => recordWrongPassword(tx, user.id, failures));
    return { right: false, failures };
  });
}

async function isRight(hash: string | undefined, password: string): Promise<boolean> {
  if (hash !== undefined) return verifyPassword(hash, password);
  await verifyDecoy(password);
  return false;
}

/** A try that hashing had no time for is none. */
async function unlessBusy<T>(call: Call, guess: Guess, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof HashingBusy) await takeBackTry(call, guess);
    throw error;
  }
}

/**
 * Puts a hash of our own in the place of one that cost too little, now that the password is known. Returns what is stored.
 * A change of the hash, not of the password: its age and whether it must be changed stay. Where hashing is busy the old one
 * stays until the next check.
 */
async function rehash(call: Call, userId: string, old: string, password: string): Promise<string> {
  const hash = await hashPassword(password).catch((error: unknown) => {
    if (error instanceof HashingBusy) return undefined;
    throw error;
  });
  if (hash === undefined) return old;
  const replaced = await transaction(call, async (tx) => {
    if (!(await lockUser(tx, userId)) || !(await replaceHash(tx, userId, old, hash))) return false;
    await record(tx, userId, { type: 'password.rehashed' });
    return true;
  });
  if (replaced) return hash;
  // Another call was first: with the same password, or with a new one.
  const stored = await findHash(call, userId);
  return stored !== undefined && (await verifyPassword(stored, password)) ? stored : old;
}
