import { hash as digestOf } from 'node:crypto';
import { decodeCrypt64Number, encodeCrypt64, equalText } from './encoding.ts';

/** The portable hashes of Openwall's phpass (MD5), and those of Drupal 7, which put SHA-512 in its place. */
export type PhpassHash = {
  kind: 'phpass';
  hash: 'md5' | 'sha512';
  /** log2 of the number of iterations */
  costLog2: number;
  salt: string;
  digest: string;
};

/** Drupal cuts the text of its digest to fit a column of 55 characters. */
const digestLengths = { md5: 22, sha512: 43 };

const pattern = /^\$([PHS])\$([./0-9A-Za-z])([!-#%-9;-~]{8})([./0-9A-Za-z]{22}|[./0-9A-Za-z]{43})$/;

export function parsePhpass(encoded: string): PhpassHash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [, marker, cost = '', salt = '', digest = ''] = match;
  const hash = marker === 'S' ? 'sha512' : 'md5';
  if (digest.length !== digestLengths[hash]) return undefined;
  return { kind: 'phpass', hash, costLog2: decodeCrypt64Number(cost), salt, digest };
}

/** Blocks the thread: for workers. */
export function matchesPhpass({ hash, costLog2, salt, digest }: PhpassHash, password: Uint8Array): boolean {
  let output = digestOf(hash, Buffer.concat([Buffer.from(salt), password]), 'buffer');
  const input = Buffer.concat([output, password]);
  for (let left = 2 ** costLog2; left > 0; left--) {
    input.set(output);
    output = digestOf(hash, input, 'buffer');
  }
  return equalText(encodeCrypt64(output).slice(0, digestLengths[hash]), digest);
}
