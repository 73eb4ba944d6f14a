import { hash } from 'node:crypto';
import { encodeCrypt64, equalText } from './encoding.ts';

/** Poul-Henning Kamp's crypt of FreeBSD, `$1$`. */
export type Md5CryptHash = { kind: 'md5Crypt'; salt: string; digest: string };

const marker = '$1$';
const rounds = 1_000;

/** Where each byte of the output stands in the text. */
const order = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

const pattern = /^\$1\$([!-#%-9;-~]{0,8})\$([./0-9A-Za-z]{22})$/;

export function parseMd5Crypt(encoded: string): Md5CryptHash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [, salt = '', digest = ''] = match;
  return { kind: 'md5Crypt', salt, digest };
}

/** Blocks the thread: for workers. */
export function matchesMd5Crypt(hash: Md5CryptHash, password: Uint8Array): boolean {
  const salt = Buffer.from(hash.salt);
  let output = start(password, salt);
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1;
    const parts = [odd ? password : output];
    if (round % 3 !== 0) parts.push(salt);
    if (round % 7 !== 0) parts.push(password);
    parts.push(odd ? output : password);
    output = md5(...parts);
  }
  return equalText(encodeCrypt64(Uint8Array.from(order, (at) => output[at] ?? 0)), hash.digest);
}

function start(password: Uint8Array, salt: Uint8Array): Buffer {
  const inner = md5(password, salt, password);
  const parts = [password, Buffer.from(marker), salt];
  if (password.length > 0) parts.push(Buffer.alloc(password.length, inner));
  // The original meant to add bytes of the inner digest, but had cleared it before.
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1));
  return md5(...parts);
}

function md5(...parts: Uint8Array[]): Buffer {
  return hash('md5', Buffer.concat(parts), 'buffer');
}
