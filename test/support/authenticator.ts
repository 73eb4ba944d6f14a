// An authenticator made of software, for what no browser would do (WebAuthn Level 3, sections 6 and 7).
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';

type Cbor = number | string | Buffer | Map<number | string, Cbor>;

/** As much of CBOR (RFC 8949) as attestations need. */
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, item]) => [cbor(key), cbor(item)])]);
}

function head(major: number, length: number): Buffer {
  const type = major << 5;
  if (length < 24) return Buffer.of(type | length);
  if (length < 256) return Buffer.of(type | 24, length);
  return Buffer.of(type | 25, length >> 8, length & 255);
}

export interface Options {
  publicKey: JsonObject;
}

/** What it does otherwise than it should. */
export interface Deviations {
  type?: string;
  challenge?: string;
  origin?: string;
  rpId?: string;
  /** Bits: user present 1, user verified 4, backup eligible 8, backed up 16, attested data 64. */
  flags?: number;
  /** COSE number of the algorithm that the key claims to be for. */
  algorithm?: number;
  /** Labels of the key that hold something else (RFC 9052, section 7). */
  key?: ReadonlyMap<number, Cbor>;
  credentialId?: Buffer;
  counter?: number;
  crossOrigin?: boolean | string;
  topOrigin?: string;
}

const present = 1;
const verified = 4;
const attested = 64;
const es256 = -7;

const b64 = (bytes: Buffer) => bytes.toString('base64url');
const textIn = (json: JsonObject | undefined, name: string): string => {
  const value = json?.[name];
  return typeof value === 'string' ? value : '';
};
const objectIn = (json: JsonObject, name: string): JsonObject => {
  const value = json[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
};

/** One that holds one key. */
export class Authenticator {
  readonly credentialId: Buffer;
  readonly #privateKey: KeyObject;
  readonly #point: { x: Buffer; y: Buffer };
  counter = 0;

  constructor(credentialId: Buffer = randomBytes(32)) {
    this.credentialId = credentialId;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    this.#privateKey = privateKey;
    this.#point = { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') };
  }

  /** The answer to creation options, as a page at the origin would send it. */
  register(options: JsonObject, origin: string, deviations: Deviations = {}): JsonObject {
    const publicKey = objectIn(options, 'publicKey');
    const { algorithm = es256, credentialId = this.credentialId, flags = present | verified | attested } = deviations;
    const { x, y } = this.#point;
    const key = new Map<number, Cbor>([[1, 2], [3, algorithm], [-1, 1], [-2, x], [-3, y], ...(deviations.key ?? [])]);
    const length = Buffer.of(credentialId.length >> 8, credentialId.length & 255);
    const rpId = deviations.rpId ?? textIn(objectIn(publicKey, 'rp'), 'id');
    const data = Buffer.concat([this.#data(rpId, flags, deviations.counter), Buffer.alloc(16), length, credentialId, cbor(key)]);
    const attestation = cbor(
      new Map<string, Cbor>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', data],
      ]),
    );
    const clientDataJSON = clientData('webauthn.create', textIn(publicKey, 'challenge'), origin, deviations);
    return {
      id: b64(credentialId),
      rawId: b64(credentialId),
      type: 'public-key',
      clientExtensionResults: {},
      response: { clientDataJSON: b64(clientDataJSON), attestationObject: b64(attestation), transports: ['internal'] },
    };
  }

  /** The answer to a sign-in's challenge. */
  assert(challenge: Buffer, rpId: string, origin: string, deviations: Deviations = {}): JsonObject {
    const { flags = present | verified, credentialId = this.credentialId } = deviations;
    const data = this.#data(deviations.rpId ?? rpId, flags, deviations.counter ?? ++this.counter);
    const clientDataJSON = clientData('webauthn.get', b64(challenge), origin, deviations);
    const signed = Buffer.concat([data, createHash('sha256').update(clientDataJSON).digest()]);
    const signature = createSign('sha256').update(signed).sign(this.#privateKey);
    return {
      id: b64(credentialId),
      rawId: b64(credentialId),
      type: 'public-key',
      clientExtensionResults: {},
      response: { clientDataJSON: b64(clientDataJSON), authenticatorData: b64(data), signature: b64(signature) },
    };
  }

  #data(rpId: string, flags: number, counter = this.counter): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.of(flags), count]);
  }
}

function clientData(type: string, challenge: string, origin: string, deviations: Deviations): Buffer {
  const { crossOrigin = false, topOrigin } = deviations;
  return Buffer.from(
    JSON.stringify({
      type: deviations.type ?? type,
      challenge: deviations.challenge ?? challenge,
      origin: deviations.origin ?? origin,
      crossOrigin,
      ...(topOrigin !== undefined && { topOrigin }),
    }),
  );
}
