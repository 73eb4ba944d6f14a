import { hash as digestOf } from 'node:crypto';
import { decodeBase64, equalBytes, isWithin, saltBytes } from './encoding.ts';

/** LDAP's salted userPassword values: one hash of password and salt, followed by the salt. */
export type SshaHash = {
  kind: 'ssha';
  hash: 'sha1' | 'sha256' | 'sha512';
  salt: Uint8Array;
  digest: Uint8Array;
};

const schemes = [
  { marker: '{SSHA}', hash: 'sha1', bytes: 20 },
  { marker: '{SSHA256}', hash: 'sha256', bytes: 32 },
  { marker: '{SSHA512}', hash: 'sha512', bytes: 64 },
] as const;

export function parseSsha(encoded: string): SshaHash | undefined {
  const scheme = schemes.find(({ marker }) => encoded.startsWith(marker));
  if (!scheme) return undefined;
  const bytes = decodeBase64(encoded.slice(scheme.marker.length));
  if (!bytes || !isWithin(bytes.length - scheme.bytes, saltBytes)) return undefined;
  return { kind: 'ssha', hash: scheme.hash, digest: bytes.subarray(0, scheme.bytes), salt: bytes.subarray(scheme.bytes) };
}

export function matchesSsha({ hash, salt, digest }: SshaHash, password: Uint8Array): boolean {
  return equalBytes(digestOf(hash, Buffer.concat([password, salt]), 'buffer'), digest);
}
