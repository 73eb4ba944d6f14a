// Owns: the password of a person, how it is stored, and what proves that someone may change it. Leaves the hash formats
// to kernel/crypto/hashes, codes to kernel/codes.
import type { Tx, UserRow } from '../../kernel/call.ts';
import { type CodeCheck, checkCode, deleteCode } from '../../kernel/codes/codes.ts';
import { acceptedFormats } from '../../kernel/crypto/hashes/formats.ts';
import { hashPassword, parseHash, verifyPassword } from '../../kernel/crypto/hashes/hashes.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { checkComplexity } from './policy.ts';
import { findHash, writeHash } from './repository.ts';

/** A password in plain, or the hash that another system made of it. */
export type PasswordInput = ({ kind: 'plain'; password: string } | { kind: 'hash'; hash: string }) & { changeRequired: boolean };

/** What shows that the password's owner asks. */
export type Proof = { kind: 'current'; password: string } | { kind: 'code'; code: string } | { kind: 'none' };

/** Refuses a hash of no accepted format, before anything is looked up. */
export function checkFormat(input: PasswordInput, field: string): void {
  if (input.kind === 'plain' || parseHash(input.hash)) return;
  throw invalidField('PASSWORD_HASH_UNKNOWN', field, { formats: acceptedFormats });
}

/** The rules that a new password must follow; an imported hash follows none, its password is not known. */
export function checkPolicy(input: PasswordInput): void {
  if (input.kind === 'plain') checkComplexity(input.password);
}

/** Gives a user another password, for every call that does: it follows the rules, and ends a reset under way. */
export async function changePassword(tx: Tx, userId: string, input: PasswordInput): Promise<void> {
  checkPolicy(input);
  await deleteCode(tx, userId, 'password');
  await storePassword(tx, userId, input);
}

/** Stores a password for a user, new or old. */
export async function storePassword(tx: Tx, userId: string, input: PasswordInput): Promise<void> {
  const hash = input.kind === 'plain' ? await hashPassword(input.password) : input.hash;
  await writeHash(tx, userId, hash);
  const columns = { passwordChangeRequired: input.changeRequired, passwordChangedAt: tx.now };
  await record(tx, userId, { type: 'password.changed' }, columns);
}

/** What became of a proof: a wrong one must be thrown after the commit, so that its count stays. */
export type ProofCheck = 'right' | 'wrong code' | 'wrong password';

/** Checks a proof and consumes a right code. PASSWORD_NOT_SET, CODE_ABSENT and PASSWORD_UNCHANGED are thrown at once. */
export async function checkProof(tx: Tx, user: UserRow, proof: Proof, input: PasswordInput): Promise<ProofCheck> {
  switch (proof.kind) {
    case 'none':
      return 'right';
    case 'code':
      return codeOutcome(await checkCode(tx, user.id, 'password', proof.code));
    case 'current': {
      const hash = await findHash(tx, user.id);
      if (hash === undefined) throw failure('PASSWORD_NOT_SET');
      if (!(await verifyPassword(hash, proof.password))) {
        await record(tx, user.id, { type: 'password.check.failed' });
        return 'wrong password';
      }
      if (input.kind === 'plain' && input.password === proof.password) throw failure('PASSWORD_UNCHANGED');
      return 'right';
    }
  }
}

function codeOutcome(check: CodeCheck): ProofCheck {
  switch (check) {
    case 'right':
      return 'right';
    case 'wrong':
      return 'wrong code';
    case 'absent':
      throw failure('CODE_ABSENT');
  }
}

/** The error of a wrong proof. */
export const wrongProof = (check: Exclude<ProofCheck, 'right'>) =>
  failure(check === 'wrong code' ? 'CODE_WRONG' : 'PASSWORD_WRONG');
