import { hash } from 'node:crypto';
import { decodeBase64, equalBytes } from './encoding.ts';

/** One MD5 of the password, alone or next to a salt. */
export type Md5Hash = {
  kind: 'md5';
  placement: 'none' | 'prefix' | 'suffix';
  /** The text between the separators, which Zitadel hashes without decoding it. */
  salt: string;
  digest: Uint8Array;
};

const digestBytes = 16;

const plainPattern = /^[0-9A-Fa-f]{32}$/;
const saltedPattern = /^\$md5salted-(prefix|suffix)\$([!-#%-~]{1,64})\$([A-Za-z0-9+/]{22}(?:==)?)$/;

export function parseMd5(encoded: string): Md5Hash | undefined {
  if (plainPattern.test(encoded)) return { kind: 'md5', placement: 'none', salt: '', digest: Buffer.from(encoded, 'hex') };
  const match = saltedPattern.exec(encoded);
  if (!match) return undefined;
  const [, placement, salt = '', digestText = ''] = match;
  const digest = decodeBase64(digestText);
  if (digest?.length !== digestBytes) return undefined;
  return { kind: 'md5', placement: placement === 'prefix' ? 'prefix' : 'suffix', salt, digest };
}

export function matchesMd5({ placement, salt, digest }: Md5Hash, password: Uint8Array): boolean {
  const saltBytes = Buffer.from(salt);
  const input = Buffer.concat(placement === 'prefix' ? [saltBytes, password] : [password, saltBytes]);
  return equalBytes(hash('md5', input, 'buffer'), digest);
}
