import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';

export const masterKeyBytes = 32;

/** The keys that everything secret at rest hangs on, each for one purpose, all derived from the master key. */
export interface Keys {
  code: Buffer;
  token: Buffer;
  seal: Buffer;
  secret: Buffer;
  /** Shows that two processes hold the same master key without showing it. */
  proof: Buffer;
}

export const newMasterKey = (): Buffer => randomBytes(masterKeyBytes);

/** HKDF-SHA-256 (RFC 5869), one label per purpose. */
export function deriveKeys(masterKey: Buffer): Keys {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', masterKey, '', `roster/${purpose}`, 32));
  return {
    code: derive('code'),
    token: derive('token'),
    seal: derive('seal'),
    secret: derive('secret'),
    proof: derive('proof'),
  };
}

/** Node needs five times as long for an HMAC when it makes this of the bytes each time. */
const keyObjects = new WeakMap<Buffer, KeyObject>();

function keyObjectOf(key: Buffer): KeyObject {
  const known = keyObjects.get(key) ?? createSecretKey(key);
  keyObjects.set(key, known);
  return known;
}

/** HMAC-SHA-256: how codes, tokens and secrets of machines are stored, so that a stolen database can neither use nor guess them. */
export const keyedHash = (key: Buffer, secret: string): Buffer => createHmac('sha256', keyObjectOf(key)).update(secret).digest();
