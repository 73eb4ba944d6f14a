import { type Argon2Hash, parseArgon2 } from './argon2.ts';
import { type BcryptHash, parseBcrypt } from './bcrypt.ts';
import { type FirebaseHash, parseFirebase } from './firebase.ts';
import { type Md5Hash, parseMd5 } from './md5.ts';
import { parseMd5Crypt } from './md5Crypt.ts';
import { type Pbkdf2Hash, parsePbkdf2 } from './pbkdf2.ts';
import { parsePhpass } from './phpass.ts';
import { parseScrypt, type ScryptHash } from './scrypt.ts';
import { parseShaCrypt } from './shaCrypt.ts';
import { parseSsha, type SshaHash } from './ssha.ts';
import type { SlowHash } from './worker.ts';

export type ParsedHash = Argon2Hash | BcryptHash | ScryptHash | FirebaseHash | Pbkdf2Hash | SlowHash | Md5Hash | SshaHash;

/** For the message that refuses a hash. */
export const acceptedFormats =
  'bcrypt, argon2i, argon2id, scrypt, Firebase scrypt ($firescrypt$), pbkdf2, sha256-crypt ($5$), sha512-crypt ($6$), ' +
  'md5-crypt ($1$), phpass ($P$, $H$), Drupal 7 ($S$), MD5 (hexadecimal, $md5salted-prefix$, $md5salted-suffix$), ' +
  'SSHA ({SSHA}, {SSHA256}, {SSHA512})';

/** Characters. Twice the longest string that one of the formats can need. */
const maxEncodedLength = 1_024;

const parsers = [
  parseArgon2,
  parseBcrypt,
  parseScrypt,
  parseFirebase,
  parsePbkdf2,
  parseShaCrypt,
  parseMd5Crypt,
  parsePhpass,
  parseMd5,
  parseSsha,
];

/** The whole string in one of the formats, whatever it costs. */
export function parseFormat(encoded: string): ParsedHash | undefined {
  if (encoded.length > maxEncodedLength) return undefined;
  for (const parse of parsers) {
    const parsed = parse(encoded);
    if (parsed) return parsed;
  }
  return undefined;
}
