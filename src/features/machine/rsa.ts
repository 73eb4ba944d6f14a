// The pairs that we make, and the public keys that we take: RSA alone, which is what the original's clients sign with.
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { runInPool } from '../../kernel/crypto/hashes/pool.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { createPool } from '../../kernel/pool.ts';

/** Bits of the modulus of a pair that we make: what the original's clients expect. */
const pairBits = 2048;
/** What NIST SP 800-131A asks for at least, until 2030; and the most with which checking a signature stays cheap. */
const minimumBits = 2048;
const maximumBits = 8192;
/** Greater than 2^16 (FIPS 186-5, A.1.1) and less than 2^31: more the original cannot use, and costs time to check. */
const minimumExponent = 65_537n;
const maximumExponent = 2n ** 31n - 1n;
/** Bytes of PEM; a key of 8192 bits takes 1500. */
const maximumBytes = 4096;

/** Of those who wait, the last one gets his pair after some two seconds. */
const waiting = 20;
const retryAfterMs = 2_000;
/** One at a time, so that all but one of the places for hashing stay the passwords'. */
const inTurn = createPool(1, waiting, () => failure('KEYS_BUSY', { retryAfterMs }));
const generate = promisify(generateKeyPair);

export interface Pair {
  /** SubjectPublicKeyInfo in DER. */
  publicKey: Buffer;
  /** In PEM (PKCS #1, as the original's: some of its clients read nothing else); undefined where it is not ours. */
  privateKey: string | undefined;
}

/** A new pair, made on libuv's threads. KEYS_BUSY, HASHING_BUSY. */
export const makePair = (): Promise<Pair> =>
  inTurn(() =>
    runInPool(() =>
      generate('rsa', {
        modulusLength: pairBits,
        publicKeyEncoding: { type: 'spki', format: 'der' },
        privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      }),
    ),
  );

const pem = /^\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;
/** The AlgorithmIdentifier of RSA in DER (RFC 3279, 2.3.1), which follows on the outer tag and length. */
const rsaEncryption = Buffer.from('300d06092a864886f70d0101010500', 'hex');

/**
 * A public key that somebody gives us, in PEM (RFC 7468, 13): RSA of 2048 to 8192 bits, and not one byte besides.
 * PUBLIC_KEY_INVALID.
 */
export function readPublicKey(given: Uint8Array): Pair {
  const publicKey = derOf(given);
  // No other kind is looked into: some come with parameters that take long to read.
  if (![2, 3, 4].includes(publicKey.indexOf(rsaEncryption))) throw invalid('it is not an RSA key');
  const key = parsed(publicKey);
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < minimumBits || modulusLength > maximumBits) {
    throw invalid(`it has ${modulusLength} bits, and may have ${minimumBits} to ${maximumBits}`);
  }
  const isOdd = publicExponent % 2n === 1n;
  if (!isOdd || publicExponent < minimumExponent || publicExponent > maximumExponent) {
    throw invalid(`its exponent must be odd, and from ${minimumExponent} to ${maximumExponent}`);
  }
  // Written again it is the same, or there was more in it than the key.
  if (!key.export({ type: 'spki', format: 'der' }).equals(publicKey)) throw invalid('it is not in DER');
  return { publicKey, privateKey: undefined };
}

function derOf(given: Uint8Array): Buffer {
  if (given.length > maximumBytes) throw invalid(`it has more than ${maximumBytes} bytes`);
  const [, body] = pem.exec(Buffer.from(given).toString('latin1')) ?? [];
  if (body === undefined) throw invalid('it is not one block of PEM that begins with BEGIN PUBLIC KEY');
  const base64 = body.replaceAll(/\s/g, '');
  const der = Buffer.from(base64, 'base64');
  if (der.toString('base64') !== base64) throw invalid('its PEM is not in base64');
  return der;
}

function parsed(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, type: 'spki', format: 'der' });
  } catch {
    throw invalid('its PEM holds no public key');
  }
}

const invalid = (problem: string) => invalidField('PUBLIC_KEY_INVALID', 'public_key', { problem });
