// Owns: the recovery codes of a person: shown once, used once, hashed like passwords under one salt for all of them, so
// that checking one costs one computation.
import { randomBytes } from 'node:crypto';
import { authorize } from '../../kernel/auth/authorize.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import { forgetFactor } from '../../kernel/auth/sessions.ts';
import type { Call, Tx } from '../../kernel/call.ts';
import { randomText } from '../../kernel/codes/random.ts';
import { hashUnder } from '../../kernel/crypto/hashes/hashes.ts';
import { failure } from '../../kernel/errors.ts';
import { type Details, record } from '../user/events.ts';
import { type Changed, changePerson, personOf } from '../user/person.ts';
import { findUser } from '../user/repository.ts';
import { countCodes, deleteCodes, findSalt, insertCodes, keepSalt, takeCode } from './repository.ts';

/** Crockford's base32: no letters that are read as digits. */
export const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
/** 50 bits: hashed like a password (ASVS 6.5.2). */
export const codeLength = 10;
const saltBytes = 16;

export interface Generated {
  codes: string[];
}

/** Adds codes to those nobody has used yet and returns the new ones. RECOVERY_CODES_TOO_MANY, HashingBusy. */
export async function generateRecoveryCodes(call: Call, userId: string, wanted: number): Promise<Changed<Generated>> {
  // What takes long comes before the lock, and for those only who may.
  const found = authorize(call, personOf(await findUser(call.db, userId)), { unknown: 'USER_UNKNOWN' });
  await refuseHigherRights(call, userId);
  if (found.state === 'initial') throw failure('USER_INITIAL');
  refuseTooMany(call, (await countCodes(call, userId)) + wanted);
  const salt = (await findSalt(call, userId)) ?? randomBytes(saltBytes);
  const codes = distinct(wanted);
  const hashes = await Promise.all(codes.map((code) => hashUnder(salt, code)));
  const added = await changePerson(call, userId, { unknown: 'USER_UNKNOWN' }, async (tx) => {
    refuseTooMany(tx, (await countCodes(tx, userId)) + wanted);
    if (!(await keepSalt(tx, userId, salt)).equals(salt)) return { codes: [] };
    await insertCodes(tx, userId, hashes);
    await record(tx, userId, { type: 'recovery.codes.added', count: wanted });
    return { codes: codes.map(shown) };
  });
  // Somebody else made the first ones meanwhile, or removed them: under that salt, then.
  return added.codes.length > 0 ? added : generateRecoveryCodes(call, userId, wanted);
}

function refuseTooMany({ settings }: Call, total: number): void {
  const maximum = settings.maximumRecoveryCodes;
  if (total > maximum) throw failure('RECOVERY_CODES_TOO_MANY', { metadata: { maximum: String(maximum) } });
}

function distinct(wanted: number): string[] {
  const codes = new Set<string>();
  while (codes.size < wanted) codes.add(randomText(alphabet, codeLength));
  return [...codes];
}

const shown = (code: string) => `${code.slice(0, codeLength / 2)}-${code.slice(codeLength / 2)}`;

/** None there is no change. */
export async function removeRecoveryCodes(call: Call, userId: string): Promise<Details> {
  const { details } = await changePerson(call, userId, {}, async (tx, user) => {
    if (user.state === 'locked') throw failure('USER_LOCKED');
    if ((await deleteCodes(tx, userId)) === 0) return {};
    await forgetFactor(tx, userId, { kind: 'recovery-code' });
    await record(tx, userId, { type: 'recovery.codes.removed' });
    return {};
  });
  return details;
}

/** What a typed code is compared by; undefined when the user has no codes. Computed before any lock is taken. HashingBusy. */
export async function prepareRecoveryCode(call: Call, userId: string, typed: string): Promise<Buffer | undefined> {
  const salt = await findSalt(call, userId);
  return salt && hashUnder(salt, normalised(typed));
}

export const hasRecoveryCodes = async (tx: Tx, userId: string): Promise<boolean> => (await countCodes(tx, userId)) > 0;

/** Whether it is one of the user's; used up with the answer. Tries are counted by the caller (kernel/guessing). */
export const useRecoveryCode = (tx: Tx, userId: string, prepared: Buffer): Promise<boolean> => takeCode(tx, userId, prepared);

/** As Crockford's base32 is read: any letter case, hyphens left out, the letters that look like digits taken for them. */
const normalised = (typed: string): string => typed.toLowerCase().replaceAll('-', '').replaceAll('o', '0').replace(/[il]/g, '1');
