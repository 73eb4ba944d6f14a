import { verify } from '@node-rs/bcrypt';

export type BcryptHash = {
  kind: 'bcrypt';
  version: '2' | '2a' | '2b' | '2y';
  cost: number;
  /** In bcrypt's own base64, as the verifier takes them. */
  salt: string;
  digest: string;
};

const bcryptAlphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** The key schedule reads 18 words; bytes after these have no effect on the hash. */
const keyBytes = 72;

/** The digest's last character carries four bits. */
const pattern = /^\$(2|2a|2b|2y)\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{30}[.CGKOSWaeimquy26])$/;

export function parseBcrypt(encoded: string): BcryptHash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [, marker, cost, salt = '', digest = ''] = match;
  const version = marker === '2a' || marker === '2b' || marker === '2y' ? marker : '2';
  return { kind: 'bcrypt', version, cost: Number(cost), salt: canonicalSalt(salt), digest };
}

/**
 * The salt's last character carries two bits. Some writers left noise in the other four, which every crypt(3) ignores
 * and @node-rs/bcrypt refuses.
 */
function canonicalSalt(salt: string): string {
  const bits = bcryptAlphabet.indexOf(salt.charAt(21)) & 0x30;
  return salt.slice(0, 21) + bcryptAlphabet.charAt(bits);
}

export function verifyBcrypt(hash: BcryptHash, password: Uint8Array): Promise<boolean> {
  const cost = String(hash.cost).padStart(2, '0');
  return verify(hash.version === '2' ? withoutTerminator(password) : password, `$2b$${cost}$${hash.salt}${hash.digest}`);
}

/**
 * The first version, `$2$`, repeats the password as its key without a NUL between the repetitions. A password repeated
 * to the full length of the key leaves the later versions no room for the NUL, so that they compute the same hash.
 */
function withoutTerminator(password: Uint8Array): Uint8Array {
  return password.length === 0 ? Buffer.alloc(keyBytes) : Buffer.alloc(keyBytes, password);
}
