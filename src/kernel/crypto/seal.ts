import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** A shorter tag would be easier to guess: it is refused. */
const options = { authTagLength: tagBytes };
/** First byte of everything sealed: which key it was sealed with. */
const keyId = 1;

/** Encrypts under AES-256-GCM with a random nonce. `place` (table and row) is bound in: a value moved elsewhere does not open. */
export function seal(key: Buffer, place: string, plain: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, options).setAAD(Buffer.from(place));
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(keyId), nonce, cipher.getAuthTag(), body]);
}

/** Opens what `seal` made for the same place; throws when key, place or bytes differ. */
export function open(key: Buffer, place: string, sealed: Buffer): string {
  if (sealed[0] !== keyId) throw new Error(`sealed with key ${sealed[0]}, which this process does not hold`);
  const tagAt = 1 + nonceBytes;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(1, tagAt), options).setAAD(Buffer.from(place));
  decipher.setAuthTag(sealed.subarray(tagAt, tagAt + tagBytes));
  return Buffer.concat([decipher.update(sealed.subarray(tagAt + tagBytes)), decipher.final()]).toString('utf8');
}
