// What every call on a person has in common: who may, in which state, and how a code in the request opens it.
import { authorize, isVisible, type Options, refusedProof } from '../../kernel/auth/authorize.ts';
import { canEverywhere } from '../../kernel/auth/caller.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { type CodeCheck, checkCode, type Purpose, tryCode } from '../../kernel/codes/codes.ts';
import { failure } from '../../kernel/errors.ts';
import { countTry, settleTry } from '../../kernel/guessing.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Details, detailsOf } from './events.ts';
import { findUser, lockUser } from './repository.ts';

/** A machine that is addressed as a person is none: there is no such person. */
export const personOf = (user: UserRow | undefined): UserRow | undefined => (user?.type === 'human' ? user : undefined);

/** A verification that proves nothing about who holds an address or a number, or shows its code: not for the user itself. */
export const provesNothing = (verification: { kind: string } | undefined): boolean =>
  verification?.kind === 'verified' || verification?.kind === 'return';

/** Who may ask for it: nobody to prove anything of his own (CVE-2026-27946). */
export const rightsFor = (verification: { kind: string }): Options =>
  provesNothing(verification) ? { self: false, refusal: 'VERIFICATION_NOT_OWN' } : {};

export type Changed<T> = T & { details: Details };

/**
 * Locks a person, authorizes, and does the work: for every call that changes what belongs to a person and may not be done
 * to an INITIAL one, unless told otherwise.
 */
export function changePerson<T extends object>(
  call: Call,
  userId: string,
  { initial = false, ...options }: Options & { initial?: boolean },
  work: (tx: Tx, user: UserRow) => Promise<T>,
): Promise<Changed<T>> {
  return transaction(call, async (tx) => {
    const user = authorize(tx, personOf(await lockUser(tx, userId)), options);
    await refuseHigherRights(tx, userId);
    if (user.state === 'initial' && !initial) throw failure('USER_INITIAL');
    return withDetails(tx, user, await work(tx, user));
  });
}

export async function withDetails<T extends object>(tx: Tx, user: UserRow, result: T): Promise<Changed<T>> {
  return { ...result, details: detailsOf((await findUser(tx.db, user.id)) ?? user) };
}

/** A code in a request, and the words for one that is not right. */
export interface CodeProof {
  userId: string;
  purpose: Purpose;
  code: string;
  /** For callers who see the user. */
  wrong: Reason;
  absent: Reason;
  /** For callers who may know all ids, of one that does not exist. */
  unknown?: Reason;
  /** In which it works: one that is locked or inactive can go on proving what is his, unless told otherwise. */
  states?: readonly UserRow['state'][];
  /** A right code is not used up yet. */
  keep?: boolean;
}

/** What a caller who sees the user, or may know that there is none, is told before any secret is looked at. */
export function tellAtOnce(call: Call, user: UserRow | undefined, unknown: Reason = 'USER_NOT_FOUND'): void {
  if (!user && canEverywhere(call.caller, 'user.read')) throw failure(unknown);
  if (user?.state === 'initial' && isVisible(call, user)) throw failure('USER_INITIAL');
}

/**
 * Consumes a code, unless it is to be kept, and does the work in one transaction; a wrong one counts, and is told as the
 * caller may be told.
 */
export async function byCode<T extends object>(
  call: Call,
  proof: CodeProof,
  work: (tx: Tx, user: UserRow) => Promise<T>,
): Promise<Changed<T>> {
  const { found, done } = await transaction(call, async (tx) => {
    const { user, check } = await tried(tx, proof, proof.keep ? tryCode : checkCode);
    return { found: user, done: user && check === 'right' ? await withDetails(tx, user, await work(tx, user)) : check };
  });
  // Thrown after the commit: a rollback here would forget the failed attempt.
  if (typeof done === 'string') throw refusalOf(call, found, proof, done);
  return done;
}

/** Throws unless the code is right, as `byCode` would; leaves it for the transaction that will consume it. */
export async function proveByCode(call: Call, proof: CodeProof): Promise<UserRow> {
  const { user, check } = await transaction(call, (tx) => tried(tx, proof, tryCode));
  if (!user || check !== 'right') throw refusalOf(call, user, proof, check);
  return user;
}

const initialised = ['active', 'inactive', 'locked'] as const;

/** The try is counted before the code is looked at, and for unknown users like for anybody. */
async function tried(tx: Tx, proof: CodeProof, look: typeof checkCode) {
  const { userId, purpose, code, unknown, states = initialised } = proof;
  const user = personOf(await lockUser(tx, userId));
  const barred = user !== undefined && !states.includes(user.state);
  if (!user || barred) tellAtOnce(tx, user, unknown);
  const guess = { userId, kind: 'code', user } as const;
  await countTry(tx, guess);
  const check: CodeCheck = barred ? 'absent' : await look(tx, userId, purpose, code);
  await settleTry(tx, guess, check === 'right');
  return { user, check };
}

const refusalOf = (call: Call, user: UserRow | undefined, { wrong, absent, unknown }: CodeProof, check: CodeCheck) =>
  refusedProof(call, user, check === 'wrong' ? wrong : absent, unknown);
