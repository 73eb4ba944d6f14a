import type { JsonObject } from '@bufbuild/protobuf';
import type { App, UserRow } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';
import { checkAuthenticator, checkClientData, descriptorsOf, type Expected, reading } from './ceremony.ts';
import { readCredential } from './credentialJson.ts';
import { library } from './library.ts';
import { isUsable } from './publicKey.ts';
import type { CredentialRow } from './repository.ts';
import { userHandle } from './userHandle.ts';

/** COSE algorithms, the one we like best first: EdDSA, ES256, RS256. */
export const algorithms = [-8, -7, -257];
/** Until the answer to a registration has to be there; browsers are told the same. */
export const registrationMs = 5 * 60 * 1000;

export type Attachment = 'platform' | 'cross-platform' | undefined;

interface Wanted {
  rpId: string;
  challenge: Buffer;
  attachment: Attachment;
  /** Credentials that the user's authenticators hold already for this relying party. */
  known: readonly Pick<CredentialRow, 'credentialId' | 'transports'>[];
}

/** What a page hands to `navigator.credentials.create` (PublicKeyCredentialCreationOptionsJSON). */
export function creationOptions({ settings }: Pick<App, 'settings'>, user: UserRow, wanted: Wanted): JsonObject {
  const { rpId, challenge, attachment, known } = wanted;
  return {
    publicKey: {
      challenge: challenge.toString('base64url'),
      rp: { name: settings.productName, id: rpId },
      user: { id: userHandle(user.id), name: user.username, displayName: user.displayName || user.username },
      pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
      timeout: registrationMs,
      excludeCredentials: descriptorsOf(known),
      authenticatorSelection: { userVerification: 'required', ...(attachment && { authenticatorAttachment: attachment }) },
      attestation: 'none',
    },
  };
}

export type NewCredential = Pick<
  CredentialRow,
  'credentialId' | 'publicKey' | 'counter' | 'transports' | 'backupEligible' | 'backedUp' | 'aaguid'
>;

/** WebAuthn Level 3, 1023 bytes. */
const maximumCredentialId = 1023;

/** The credential in an answer to `creationOptions`. WEBAUTHN_… for everything in it that is not as it should be. */
export async function verifyRegistration(
  app: Pick<App, 'settings'>,
  json: JsonObject,
  { rpId, challenge }: { rpId: string; challenge: Buffer },
  field: string,
): Promise<NewCredential> {
  const { transports, ...credential } = readCredential(json, ['clientDataJSON', 'attestationObject'], field);
  const { clientDataJSON = '', attestationObject = '' } = credential.response;
  const expected: Expected = { type: 'webauthn.create', challenge, rpId, userVerification: true };
  const origin = checkClientData(app, clientDataJSON, expected, field);
  const { decodeAttestationObject, parseAuthenticatorData, decodeCredentialPublicKey, cose, verifyRegistrationResponse } =
    await library();
  const unreadable = 'response.attestationObject is none';
  const { authData, data, key } = await reading(
    () => {
      const authData = decodeAttestationObject(bytesOf(attestationObject)).get('authData');
      const data = parseAuthenticatorData(authData);
      return { authData, data, key: data.credentialPublicKey && decodeCredentialPublicKey(data.credentialPublicKey) };
    },
    unreadable,
    field,
  );
  checkAuthenticator(data, expected, field);
  const algorithm = key?.get(cose.COSEKEYS.alg);
  if (typeof algorithm !== 'number' || !algorithms.includes(algorithm)) throw invalidField('WEBAUTHN_ALGORITHM_UNKNOWN', field);
  if (!(key instanceof Map) || !isUsable(key)) {
    throw invalidField('WEBAUTHN_UNREADABLE', field, { problem: 'its key is none of its algorithm' });
  }
  const response = { ...credential, response: { clientDataJSON, attestationObject: await withoutStatement(authData) } };
  const { verified, registrationInfo } = await reading(
    () =>
      verifyRegistrationResponse({
        response,
        expectedChallenge: challenge.toString('base64url'),
        expectedOrigin: origin,
        expectedRPID: rpId,
        requireUserVerification: true,
        supportedAlgorithmIDs: algorithms,
      }),
    unreadable,
    field,
  );
  if (!verified) throw invalidField('WEBAUTHN_SIGNATURE_WRONG', field);
  const credentialId = Buffer.from(registrationInfo.credential.id, 'base64url');
  if (credentialId.length > maximumCredentialId || registrationInfo.credential.id !== credential.id) {
    throw invalidField('WEBAUTHN_UNREADABLE', field, { problem: 'id is not the one that was signed' });
  }
  return {
    credentialId,
    publicKey: Buffer.from(registrationInfo.credential.publicKey),
    counter: registrationInfo.credential.counter,
    transports,
    backupEligible: registrationInfo.credentialDeviceType === 'multiDevice',
    backedUp: registrationInfo.credentialBackedUp,
    aaguid: registrationInfo.aaguid,
  };
}

/**
 * The attestation object with no statement about the maker of the authenticator: we ask for none and trust no maker. To look
 * at one, the library would ask addresses over the network that whoever registers chooses: its certificates name them.
 */
async function withoutStatement(authData: Uint8Array): Promise<string> {
  const { isoCBOR } = await library();
  const object = new Map<string, Parameters<typeof isoCBOR.encode>[0]>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', authData],
  ]);
  return Buffer.from(isoCBOR.encode(object)).toString('base64url');
}

const bytesOf = (base64url: string) => new Uint8Array(Buffer.from(base64url, 'base64url'));
