import { hashRaw } from '@node-rs/argon2';
import { decodeBase64, equalBytes, isDigest, isWithin } from './encoding.ts';

/** Algorithm numbers of @node-rs/argon2, whose enum is ambient and cannot be imported as a value. */
export const argon2Algorithms = { argon2i: 1, argon2id: 2 } as const;

export type Argon2Hash = {
  kind: 'argon2';
  variant: keyof typeof argon2Algorithms;
  /** KiB */
  memory: number;
  passes: number;
  parallelism: number;
  salt: Uint8Array;
  digest: Uint8Array;
};

/** RFC 9106 section 3.1 leaves the salt open below 2^32 bytes; its implementations ask for at least 8. */
const argon2SaltBytes = [8, 64] as const;

/** The PHC string of version 1.3 (v=19) only. */
const pattern =
  /^\$argon2(i|id)\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

export function parseArgon2(encoded: string): Argon2Hash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [, variant, memory, passes, parallelism, saltText = '', digestText = ''] = match;
  const salt = decodeBase64(saltText);
  const digest = decodeBase64(digestText);
  if (!salt || !digest || !isWithin(salt.length, argon2SaltBytes) || !isDigest(digest)) return undefined;
  return {
    kind: 'argon2',
    variant: variant === 'i' ? 'argon2i' : 'argon2id',
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt,
    digest,
  };
}

export async function verifyArgon2(hash: Argon2Hash, password: Uint8Array): Promise<boolean> {
  const computed = await hashRaw(password, {
    algorithm: argon2Algorithms[hash.variant],
    memoryCost: hash.memory,
    timeCost: hash.passes,
    parallelism: hash.parallelism,
    salt: hash.salt,
    outputLen: hash.digest.length,
  });
  return equalBytes(computed, hash.digest);
}
