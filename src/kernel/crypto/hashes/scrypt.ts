import { scrypt } from 'node:crypto';
import { decodeBase64, decodeCrypt64, decodeCrypt64Number, equalBytes, isDigest, isWithin, saltBytes } from './encoding.ts';

/** The parameters of RFC 7914 section 2. */
export type ScryptCost = {
  /** log2 of N */
  costLog2: number;
  blockSize: number;
  parallelism: number;
};

export type ScryptHash = ScryptCost & { kind: 'scrypt'; salt: Uint8Array; digest: Uint8Array };

/** Passlib's form. Zitadel reads the same fields behind the marker `$7$`, too. */
const phcPattern =
  /^\$(?:scrypt|7)\$ln=([1-9]\d?),r=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

/** The form of crypt(5): one character for N, five each for r and p, and the salt as the text it is. */
const cryptPattern = /^\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})([./0-9A-Za-z]{5})([./0-9A-Za-z]+)\$([./0-9A-Za-z]{43})$/;

export function parseScrypt(encoded: string): ScryptHash | undefined {
  const phc = phcPattern.exec(encoded);
  if (phc) {
    const [, costLog2, blockSize, parallelism, salt = '', digest = ''] = phc;
    const cost = { costLog2: Number(costLog2), blockSize: Number(blockSize), parallelism: Number(parallelism) };
    return scryptHash(cost, decodeBase64(salt), decodeBase64(digest));
  }
  const crypt = cryptPattern.exec(encoded);
  if (!crypt) return undefined;
  const [costLog2 = 0, blockSize = 0, parallelism = 0] = crypt.slice(1, 4).map(decodeCrypt64Number);
  const [salt = '', digest = ''] = crypt.slice(4);
  return scryptHash({ costLog2, blockSize, parallelism }, Buffer.from(salt), decodeCrypt64(digest));
}

function scryptHash(cost: ScryptCost, salt?: Uint8Array, digest?: Uint8Array): ScryptHash | undefined {
  if (!salt || !digest || !isWithin(salt.length, saltBytes) || !isDigest(digest)) return undefined;
  return { kind: 'scrypt', ...cost, salt, digest };
}

export async function verifyScrypt(hash: ScryptHash, password: Uint8Array): Promise<boolean> {
  return equalBytes(await deriveScrypt(hash, password, hash.salt, hash.digest.length), hash.digest);
}

/** Runs in libuv's pool. */
export function deriveScrypt(cost: ScryptCost, password: Uint8Array, salt: Uint8Array, size: number): Promise<Uint8Array> {
  const options = { N: 2 ** cost.costLog2, r: cost.blockSize, p: cost.parallelism, maxmem: scryptMemory(cost) };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, size, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** Bytes: the table of N blocks, one block per lane and two blocks to work in. */
function scryptMemory({ costLog2, blockSize, parallelism }: ScryptCost): number {
  return 128 * blockSize * (2 ** costLog2 + parallelism + 2);
}
