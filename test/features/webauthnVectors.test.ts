// The test vectors of WebAuthn Level 3 (W3C, section “Test Vectors”): each is a registration and a sign-in with what it made,
// for example.org. They go through our own checks, and what those refuse stands here with its reason. The vectors take the
// flags of the authenticator by lot, so many come without the user's verification, which a registration needs here.
import { hkdfSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyAssertion } from '../../src/features/passkey/assertion.ts';
import { library } from '../../src/features/passkey/library.ts';
import { algorithms, verifyRegistration } from '../../src/features/passkey/registration.ts';
import { insertCredential } from '../../src/features/passkey/repository.ts';
import { transaction } from '../../src/kernel/call.ts';
import { operatorCall } from '../../src/system.ts';
import vectors from '../fixtures/webauthnVectors.json' with { type: 'json' };
import { createHuman } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Case {
  name: string;
  /** Our answer to the registration, if it is not taken. */
  refused?: string;
  why?: string;
  /** What the library objects to when it is not told to ask for user verification: nothing, if this is missing. */
  objection?: RegExp;
  /** Our answer to the sign-in, if it is not taken. */
  signIn?: string;
}

const unverified = { refused: 'WEBAUTHN_USER_UNVERIFIED', why: 'registered without user verification' };
const framed = {
  refused: 'WEBAUTHN_ORIGIN_WRONG',
  why: 'asked for inside a page of another site',
  signIn: 'WEBAUTHN_ORIGIN_WRONG',
};
const notOffered = {
  refused: 'WEBAUTHN_ALGORITHM_UNKNOWN',
  why: 'ES512 is not offered',
  objection: /public key alg "-/,
};
const cases: Case[] = [
  { name: 'none.ES256', ...unverified },
  { name: 'packed-self.ES256' },
  { name: 'none.ES256.crossOrigin', ...framed },
  { name: 'none.ES256.topOrigin', ...framed },
  { name: 'none.ES256.long-credential-id', ...unverified },
  { name: 'packed.ES256' },
  { name: 'packed.ES384', ...notOffered, ...unverified, why: 'no user verification, and ES384 is not offered' },
  { name: 'packed.ES512', ...notOffered },
  { name: 'packed.RS256' },
  { name: 'packed.EdDSA', ...unverified },
  {
    name: 'packed.Ed448',
    ...notOffered,
    ...unverified,
    why: 'no user verification, and Ed448 is not offered',
    signIn: 'WEBAUTHN_UNREADABLE',
  },
  // Taken all the same: what the library objects to stands in the statement about the maker, at which we do not look.
  { name: 'tpm.ES256', objection: /TPM manufacturer/ },
  { name: 'android-key.ES256', objection: /certificate path/ },
  { name: 'apple.ES256', ...unverified },
  { name: 'fido-u2f.ES256', ...unverified, why: 'no user verification, and an AAGUID that is not zero', objection: /AAGUID/ },
];

const rpId = 'example.org';
const field = 'check';
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const b64 = (hex: string) => bytes(hex).toString('base64url');

let server: TestServer;
let userId: string;

beforeAll(async () => {
  server = await startServer();
  userId = await createHuman(server);
});

test('the challenges are those of the recipe', () => {
  for (const { name, registration, authentication } of vectors) {
    const drawn = Array.from({ length: 16 }, (_, salt) => {
      const { length } = bytes(registration.challenge);
      return Buffer.from(hkdfSync('sha256', 'WebAuthn test vectors', Buffer.of(salt), name, length)).toString('hex');
    });
    expect(registration.challenge).toBe(drawn[0]);
    expect(drawn).toContain(authentication.challenge);
  }
});

test('what is said about the maker of an authenticator is not looked at', async () => {
  const vector = vectors.find(({ name }) => name === 'packed.ES256');
  if (!vector) throw new Error('the vector is gone');
  const { decodeAttestationObject, isoCBOR, parseAuthenticatorData } = await library();
  const { attestationObject, clientDataJSON, challenge } = vector.registration;
  const authData = decodeAttestationObject(new Uint8Array(bytes(attestationObject))).get('authData');
  const id = Buffer.from(parseAuthenticatorData(authData).credentialID ?? []).toString('base64url');
  for (const fmt of ['packed', 'android-key', 'made-up']) {
    // A certificate that cannot be read: whoever looked at it, or at where it says it can be revoked, would trip over it.
    const statement = new Map<string, Parameters<typeof isoCBOR.encode>[0]>([
      ['alg', -7],
      ['x5c', [Buffer.from('none')]],
    ]);
    const object = isoCBOR.encode(
      new Map<string, typeof fmt | typeof statement | Uint8Array>([
        ['fmt', fmt],
        ['attStmt', statement],
        ['authData', authData],
      ]),
    );
    const response = { clientDataJSON: b64(clientDataJSON), attestationObject: Buffer.from(object).toString('base64url') };
    const json = { id, rawId: id, type: 'public-key', response } as const;
    const registered = verifyRegistration(server.app, json, { rpId, challenge: bytes(challenge) }, field);
    expect(await outcome(registered), fmt).toBe('ok');
  }
});

test('none is left out', () => expect(cases.map(({ name }) => name)).toEqual(vectors.map(({ name }) => name)));

describe.each(vectors)('$name', ({ name, registration, authentication }) => {
  const { refused, why = 'taken', objection, signIn }: Partial<Case> = cases.find((one) => one.name === name) ?? {};

  /** The new credential, and the answer that brings it. */
  async function made() {
    const { decodeAttestationObject, parseAuthenticatorData } = await library();
    const object = new Uint8Array(bytes(registration.attestationObject));
    const { credentialID = [], credentialPublicKey = [] } = parseAuthenticatorData(
      decodeAttestationObject(object).get('authData'),
    );
    const credential = { credentialId: Buffer.from(credentialID), publicKey: Buffer.from(credentialPublicKey), counter: 0 };
    const id = credential.credentialId.toString('base64url');
    const response = { clientDataJSON: b64(registration.clientDataJSON), attestationObject: b64(registration.attestationObject) };
    return { credential, json: { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response } as const };
  }

  const register = async () =>
    verifyRegistration(server.app, (await made()).json, { rpId, challenge: bytes(registration.challenge) }, field);

  async function registerByLibrary(): Promise<boolean> {
    const { SettingsService, verifyRegistrationResponse } = await library();
    // With a root it would ask over the network whether a certificate was revoked.
    for (const identifier of ['android-key', 'apple', 'fido-u2f', 'packed', 'tpm'] as const) {
      SettingsService.setRootCertificates({ identifier, certificates: [] });
    }
    const { verified } = await verifyRegistrationResponse({
      response: (await made()).json,
      expectedChallenge: b64(registration.challenge),
      expectedOrigin: `https://${rpId}`,
      expectedRPID: rpId,
      requireUserVerification: false,
      supportedAlgorithmIDs: algorithms,
    });
    return verified;
  }

  const assert = async (userVerification: boolean, signature = authentication.signature) => {
    const { id, rawId, type } = (await made()).json;
    const { clientDataJSON, authenticatorData } = authentication;
    const response = {
      clientDataJSON: b64(clientDataJSON),
      authenticatorData: b64(authenticatorData),
      signature: b64(signature),
    };
    const asked = { userId, kind: 'passkey', rpId, challenge: bytes(authentication.challenge), userVerification } as const;
    return transaction(operatorCall(server.app), (tx) => verifyAssertion(tx, { id, rawId, type, response }, asked, field));
  };

  test(`registration: ${why}`, async () => {
    expect(await outcome(register())).toBe(refused ? `InvalidArgument ${refused}` : 'ok');
    if (objection) await expect(registerByLibrary()).rejects.toThrow(objection);
    else expect(await registerByLibrary()).toBe(true);
  });

  test('sign-in', async () => {
    // What is refused is stored all the same: only the rules above keep it out, its signatures are right.
    const unproven = { transports: [], backupEligible: false, backedUp: false, aaguid: '00000000-0000-0000-0000-000000000000' };
    const credential = refused ? { ...(await made()).credential, ...unproven } : await register();
    await transaction(operatorCall(server.app), (tx) => {
      const row = {
        id: tx.ids.next(),
        userId,
        kind: 'passkey',
        name,
        rpId,
        ...credential,
        createdAt: tx.now,
        lastUsedAt: null,
      } as const;
      return insertCredential(tx, row);
    });
    if (signIn) {
      expect(await outcome(assert(false))).toBe(`InvalidArgument ${signIn}`);
      return;
    }
    const verified = ((bytes(authentication.authenticatorData)[32] ?? 0) & 4) !== 0;
    expect((await assert(false)).userVerified).toBe(verified);
    expect(await outcome(assert(true))).toBe(verified ? 'ok' : 'InvalidArgument WEBAUTHN_USER_UNVERIFIED');
    const flipped = bytes(authentication.signature);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    expect(await outcome(assert(false, flipped.toString('hex')))).toBe('InvalidArgument WEBAUTHN_SIGNATURE_WRONG');
  });
});
