import { pbkdf2 } from 'node:crypto';
import { decodeBase64, equalBytes, isDigest, isWithin, saltBytes } from './encoding.ts';

/** Bytes of the hash functions, by node:crypto's names. */
const outputBytes = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const;

export type Pbkdf2Hash = {
  kind: 'pbkdf2';
  hash: keyof typeof outputBytes;
  iterations: number;
  salt: Uint8Array;
  digest: Uint8Array;
};

/** Passlib's form with `.` for `+`, or standard base64 as other exporters write it. */
const pattern = /^\$pbkdf2(?:-(sha224|sha256|sha384|sha512))?\$([1-9]\d{0,9})\$([A-Za-z0-9+./]+={0,2})\$([A-Za-z0-9+./]+={0,2})$/;

export function parsePbkdf2(encoded: string): Pbkdf2Hash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [, hash = 'sha1', iterations, saltText = '', digestText = ''] = match;
  const salt = decodeBase64(saltText.replaceAll('.', '+'));
  const digest = decodeBase64(digestText.replaceAll('.', '+'));
  if (!isHashName(hash) || !salt || !digest) return undefined;
  if (!isWithin(salt.length, saltBytes) || !isDigest(digest)) return undefined;
  return { kind: 'pbkdf2', hash, iterations: Number(iterations), salt, digest };
}

function isHashName(name: string): name is keyof typeof outputBytes {
  return name in outputBytes;
}

/** Every started block of output costs all iterations again (RFC 8018 section 5.2). */
export function pbkdf2Work({ hash, iterations, digest }: Pbkdf2Hash): number {
  return iterations * Math.ceil(digest.length / outputBytes[hash]);
}

/** Runs in libuv's pool. */
export function verifyPbkdf2(hash: Pbkdf2Hash, password: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, hash.salt, hash.iterations, hash.digest.length, hash.hash, (error, computed) =>
      error ? reject(error) : resolve(equalBytes(computed, hash.digest)),
    );
  });
}
