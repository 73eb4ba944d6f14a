// Owns: the password of a person, how it is stored, and what proves that someone may change it. Leaves the hash formats
// to kernel/crypto/hashes, codes to kernel/codes, the counting of tries to kernel/guessing.
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { checkCode, deleteCode } from '../../kernel/codes/codes.ts';
import { acceptedFormats } from '../../kernel/crypto/hashes/formats.ts';
import { hashPassword, parseHash, verifyPassword } from '../../kernel/crypto/hashes/hashes.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { countTry, forgiveTries, rightTry } from '../../kernel/guessing.ts';
import { record } from '../user/events.ts';
import { checkComplexity, isComplex } from './policy.ts';
import { findHash, writeHash } from './repository.ts';

/** A password in plain, or the hash that another system made of it. */
export type PasswordInput = ({ kind: 'plain'; password: string } | { kind: 'hash'; hash: string }) & { changeRequired: boolean };

/** What shows that the password's owner asks. */
export type Proof = { kind: 'current'; password: string } | { kind: 'code'; code: string } | { kind: 'none' };

/** A password with its hash, computed before any lock is taken. */
export interface PreparedPassword {
  input: PasswordInput;
  /** Undefined when the policy refuses the password, which is told in its turn. */
  hash: string | undefined;
}

/** Refuses a hash of no accepted format, before anything is looked up. */
export function checkFormat(input: PasswordInput, field: string): void {
  if (input.kind === 'plain' || parseHash(input.hash)) return;
  throw invalidField('PASSWORD_HASH_UNKNOWN', field, { formats: acceptedFormats });
}

/** Computes what takes long: no transaction and no connection waits for it. HashingBusy when too many ask. */
export async function preparePassword(input: PasswordInput): Promise<PreparedPassword> {
  if (input.kind === 'hash') return { input, hash: input.hash };
  return { input, hash: isComplex(input.password) ? await hashPassword(input.password) : undefined };
}

/** The rules that a new password must follow; an imported hash follows none, its password is not known. */
export function checkPolicy(input: PasswordInput): void {
  if (input.kind === 'plain') checkComplexity(input.password);
}

/** Stores a password for a user, new or old. `checkPolicy` has passed. */
export async function storePassword(tx: Tx, userId: string, { input, hash }: PreparedPassword): Promise<void> {
  if (hash === undefined) throw new Error('a password that follows the policy was not hashed');
  await writeHash(tx, userId, hash);
  const columns = { passwordChangeRequired: input.changeRequired, passwordChangedAt: tx.now };
  await record(tx, userId, { type: 'password.changed' }, columns);
}

/** Another password for a user, as far as it can be prepared without a lock. */
export interface PasswordChange extends PreparedPassword {
  proof: Proof;
  /** The stored hash that the current password was right for. */
  provenBy: string | undefined;
}

/**
 * Checks a current password, counted before it is looked at, and hashes the new one. PASSWORD_NOT_SET, PASSWORD_WRONG,
 * PASSWORD_UNCHANGED, TRIED_TOO_OFTEN, HashingBusy.
 */
export async function prepareChange(call: Call, user: UserRow, input: PasswordInput, proof: Proof): Promise<PasswordChange> {
  const provenBy = proof.kind === 'current' ? await checkCurrent(call, user, proof.password) : undefined;
  if (proof.kind === 'current' && input.kind === 'plain' && input.password === proof.password)
    throw failure('PASSWORD_UNCHANGED');
  return { ...(await preparePassword(input)), proof, provenBy };
}

async function checkCurrent(call: Call, user: UserRow, password: string): Promise<string> {
  const hash = await findHash(call, user.id);
  if (hash === undefined) throw failure('PASSWORD_NOT_SET');
  const guess = { userId: user.id, kind: 'password', user } as const;
  await countTry(call, guess);
  if (await verifyPassword(hash, password)) {
    await rightTry(call, guess);
    return hash;
  }
  await transaction(call, (tx) => record(tx, user.id, { type: 'password.check.failed' }));
  throw failure('PASSWORD_WRONG');
}

/** What became of a proof under the lock: a wrong code must be thrown after the commit, so that its count stays. */
export type ProofCheck = 'right' | 'wrong code';

/** Checks under the lock what could not be checked before: a code, which is consumed, or that nothing changed since. */
export async function checkProof(tx: Tx, user: UserRow, { proof, provenBy }: PasswordChange): Promise<ProofCheck> {
  switch (proof.kind) {
    case 'none':
      return 'right';
    case 'current':
      if ((await findHash(tx, user.id)) !== provenBy) throw failure('PASSWORD_WRONG');
      return 'right';
    case 'code': {
      const check = await checkCode(tx, user.id, 'password', proof.code);
      if (check === 'absent') throw failure('CODE_ABSENT');
      return check === 'right' ? 'right' : 'wrong code';
    }
  }
}

/** Gives a user another password, for every call that does: it follows the rules, ends a reset under way, forgives tries. */
export async function changePassword(tx: Tx, userId: string, change: PasswordChange): Promise<void> {
  checkPolicy(change.input);
  await deleteCode(tx, userId, 'password');
  await forgiveTries(tx.db, userId, 'password');
  await storePassword(tx, userId, change);
}
