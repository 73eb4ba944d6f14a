import { hash, hashRaw } from '@node-rs/argon2';
import { type Argon2Hash, argon2Algorithms, verifyArgon2 } from './argon2.ts';
import { verifyBcrypt } from './bcrypt.ts';
import { isWithinBounds } from './bounds.ts';
import { verifyFirebase } from './firebase.ts';
import { type ParsedHash, parseFormat } from './formats.ts';
import { matchesMd5 } from './md5.ts';
import { verifyPbkdf2 } from './pbkdf2.ts';
import { runInPool } from './pool.ts';
import { verifyScrypt } from './scrypt.ts';
import { matchesSsha } from './ssha.ts';
import { matchesInWorker } from './workers.ts';

/** What hashPassword makes: argon2id with the second of OWASP's equal choices (Password Storage Cheat Sheet). */
export const ours = { variant: 'argon2id', memory: 19_456, passes: 2, parallelism: 1 } as const;

/** A hash that may be imported and checked; undefined for any other string. Never throws. */
export function parseHash(encoded: string): ParsedHash | undefined {
  const parsed = parseFormat(encoded);
  return parsed && isWithinBounds(parsed) ? parsed : undefined;
}

/**
 * False for a wrong password and, without computing anything, for a hash that parseHash refuses.
 * The password is tried as it came, which is what other software hashed, and then normalised as hashPassword does.
 * @throws HashingBusy
 */
export async function verifyPassword(encoded: string, password: string): Promise<boolean> {
  const parsed = parseHash(encoded);
  return parsed !== undefined && matches(parsed, password);
}

function matches(parsed: ParsedHash, password: string): Promise<boolean> {
  const normalised = normalisePassword(password);
  return runInPool(
    async () => (await verifyParsed(parsed, password)) || (normalised !== password && verifyParsed(parsed, normalised)),
  );
}

/** Nobody's: what a wrong password costs where there is none to check it against. */
const decoy: Argon2Hash = { kind: 'argon2', ...ours, salt: new Uint8Array(16), digest: new Uint8Array(32) };

/**
 * Takes the time of a check against a hash of our own, so that time does not tell an unknown user, or one without a
 * password, from a wrong password.
 * @throws HashingBusy
 */
export async function verifyDecoy(password: string): Promise<void> {
  await matches(decoy, password);
}

/** NIST SP 800-63B-4 section 3.1.1.2: two spellings of one text are one password. */
export const normalisePassword = (password: string): string => password.normalize('NFKC');

/**
 * Normalised, never cut.
 * @throws HashingBusy
 */
export function hashPassword(password: string): Promise<string> {
  return runInPool(() =>
    hash(normalisePassword(password), {
      algorithm: argon2Algorithms[ours.variant],
      memoryCost: ours.memory,
      timeCost: ours.passes,
      parallelism: ours.parallelism,
    }),
  );
}

/**
 * The same computation under a salt of the caller's, as bare bytes: for secrets that share a salt, so that one is looked
 * for among several at the cost of one.
 * @throws HashingBusy
 */
export const hashUnder = (salt: Buffer, secret: string): Promise<Buffer> =>
  runInPool(() =>
    hashRaw(secret, {
      algorithm: argon2Algorithms[ours.variant],
      memoryCost: ours.memory,
      timeCost: ours.passes,
      parallelism: ours.parallelism,
      salt,
    }),
  );

/** True when algorithm or cost differ from what hashPassword makes: to be replaced at the next successful check. */
export function isOutdated(encoded: string): boolean {
  const parsed = parseFormat(encoded);
  return (
    parsed?.kind !== 'argon2' ||
    parsed.variant !== ours.variant ||
    parsed.memory !== ours.memory ||
    parsed.passes !== ours.passes ||
    parsed.parallelism !== ours.parallelism
  );
}

/** Bytes that bcrypt looks at; what comes after them was never checked. */
const bcryptBytes = 72;

/** Whether the hash is right for the whole password, and not only for the beginning that its algorithm looks at. */
export const coversAll = (encoded: string, password: string): boolean =>
  parseFormat(encoded)?.kind !== 'bcrypt' || Buffer.byteLength(password) <= bcryptBytes;

/** Computes whatever the hash costs and outside the pool: published vectors lie below the bounds. */
export async function verifyParsed(parsed: ParsedHash, password: string): Promise<boolean> {
  const bytes = Buffer.from(password);
  switch (parsed.kind) {
    case 'argon2':
      return verifyArgon2(parsed, bytes);
    case 'bcrypt':
      return verifyBcrypt(parsed, bytes);
    case 'scrypt':
      return verifyScrypt(parsed, bytes);
    case 'firebase':
      return verifyFirebase(parsed, bytes);
    case 'pbkdf2':
      return verifyPbkdf2(parsed, bytes);
    case 'shaCrypt':
    case 'md5Crypt':
    case 'phpass':
      return matchesInWorker({ hash: parsed, password: bytes });
    case 'md5':
      return matchesMd5(parsed, bytes);
    case 'ssha':
      return matchesSsha(parsed, bytes);
  }
}
