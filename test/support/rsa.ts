import { createPublicKey, randomBytes } from 'node:crypto';

/** A public key without a private one, as SubjectPublicKeyInfo in PEM: making a pair would take long. */
export function rsaPublicKey(bits = 2048, exponent = 65_537n): string {
  const modulus = randomBytes(bits / 8);
  modulus[0] = 0xff;
  modulus[modulus.length - 1] = 0xff;
  const hex = exponent.toString(16);
  const e = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e };
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}
