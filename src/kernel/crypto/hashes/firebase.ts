import { createCipheriv } from 'node:crypto';
import { decodeBase64, equalBytes, isDigest, isWithin, saltBytes } from './encoding.ts';
import { deriveScrypt, type ScryptCost } from './scrypt.ts';

export type FirebaseHash = ScryptCost & {
  kind: 'firebase';
  salt: Uint8Array;
  saltSeparator: Uint8Array;
  /** The key of the Firebase project, which is the plaintext that the password's key encrypts. */
  signerKey: Uint8Array;
  digest: Uint8Array;
};

/** A key of AES-256. */
const derivedKeyBytes = 32;
const firstCounter = Buffer.alloc(16);

/** salt $ digest $ salt separator $ signer key; the Admin SDK exports them in base64url. */
const pattern =
  /^\$firescrypt\$ln=([1-9]\d?),r=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([\w+/-]+={0,2})\$([\w+/-]+={0,2})\$([\w+/-]*={0,2})\$([\w+/-]+={0,2})$/;

export function parseFirebase(encoded: string): FirebaseHash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [costLog2, blockSize, parallelism] = match.slice(1, 4).map(Number);
  const [salt, digest, saltSeparator, signerKey] = match.slice(4).map(decodeEither);
  if (!costLog2 || !blockSize || !parallelism || !salt || !digest || !saltSeparator || !signerKey) return undefined;
  if (!isWithin(salt.length, saltBytes) || !isDigest(digest)) return undefined;
  if (saltSeparator.length > saltBytes[1] || signerKey.length !== digest.length) return undefined;
  return { kind: 'firebase', costLog2, blockSize, parallelism, salt, saltSeparator, signerKey, digest };
}

function decodeEither(text: string): Uint8Array | undefined {
  return decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
}

/** Firebase's modified scrypt: the derived key encrypts the project's signer key in counter mode (github.com/firebase/scrypt). */
export async function verifyFirebase(hash: FirebaseHash, password: Uint8Array): Promise<boolean> {
  const key = await deriveScrypt(hash, password, Buffer.concat([hash.salt, hash.saltSeparator]), derivedKeyBytes);
  return equalBytes(createCipheriv('aes-256-ctr', key, firstCounter).update(hash.signerKey), hash.digest);
}
