import type { ConnectError } from '@connectrpc/connect';
import type { UserRow } from '../../kernel/call.ts';
import { normalisePassword } from '../../kernel/crypto/hashes/hashes.ts';
import { failure } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { isCommon } from './commonPasswords.ts';

/** The kinds of characters that a policy can ask for, in the order in which they are looked for. */
export const characterClasses = ['lower', 'upper', 'digit', 'symbol'] as const;
export type CharacterClass = (typeof characterClasses)[number];

export interface PasswordPolicy {
  /** 1 to 72: bytes of UTF-8, or code points when `compositionFree`. */
  minimumLength: number;
  required: readonly CharacterClass[];
  /** Length alone counts (NIST SP 800-63B-4 section 3.1.1.2); `required` is empty. */
  compositionFree: boolean;
}

/** Of a policy's minimum length. More than 72 could not be met by v1 clients. */
export const shortestMinimum = 1;
export const longestMinimum = 72;

/** What Zitadel's default policy asks for. */
export const defaultPolicy: PasswordPolicy = { minimumLength: 8, required: characterClasses, compositionFree: false };

/** Code points at least where length alone counts, unless told otherwise: NIST's number for a password as the only factor. */
export const compositionFreeMinimum = 15;

/** Whose password it is to be. */
export type Person = Pick<UserRow, 'username' | 'email' | 'givenName' | 'familyName' | 'nickName' | 'displayName'>;

const classes: Record<CharacterClass, readonly [RegExp, Reason]> = {
  lower: [/[a-z]/, 'PASSWORD_NEEDS_LOWER'],
  upper: [/[A-Z]/, 'PASSWORD_NEEDS_UPPER'],
  digit: [/[0-9]/, 'PASSWORD_NEEDS_DIGIT'],
  symbol: [/[^a-zA-Z0-9]/, 'PASSWORD_NEEDS_SYMBOL'],
};

/** The first rule that a new password breaks, as the error to tell of it; undefined when it may be used. */
export function refusalOf(policy: PasswordPolicy, password: string, person: Person): ConnectError | undefined {
  // The form that is hashed: whichever way it was typed, the same password is judged alike.
  const normalised = normalisePassword(password);
  const { minimumLength, required, compositionFree } = policy;
  const length = compositionFree ? Array.from(normalised).length : Buffer.byteLength(normalised);
  if (length < minimumLength) {
    const metadata = { minimum: String(minimumLength), unit: compositionFree ? 'characters' : 'bytes' };
    return failure('PASSWORD_TOO_SHORT', { metadata });
  }
  for (const name of characterClasses) {
    const [pattern, reason] = classes[name];
    if (required.includes(name) && !pattern.test(normalised)) return failure(reason);
  }
  if (isCommon(normalised)) return failure('PASSWORD_COMMON');
  if (holdsOwnName(normalised, person)) return failure('PASSWORD_HAS_OWN_NAME');
  return undefined;
}

/** Code points of a name from which on it counts: shorter ones stand in too many words. */
export const shortestName = 4;

function holdsOwnName(password: string, { username, email, givenName, familyName, nickName, displayName }: Person): boolean {
  const whole = [username, email, givenName, familyName, nickName, displayName];
  const localParts = [username, email].map((address) => address.slice(0, Math.max(0, address.lastIndexOf('@'))));
  const words = [givenName, familyName, nickName, displayName].flatMap((name) => name.split(/\s+/));
  const key = textKey(password);
  return [...whole, ...localParts, ...words]
    .map(textKey)
    .some((name) => Array.from(name).length >= shortestName && key.includes(name));
}
