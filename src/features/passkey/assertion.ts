import type { JsonObject } from '@bufbuild/protobuf';
import type { Tx } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';
import { checkAuthenticator, checkClientData, descriptorsOf, type Expected, reading } from './ceremony.ts';
import { readCredential } from './credentialJson.ts';
import { library } from './library.ts';
import { type CredentialRow, findByCredentialId, type Kind, markUsed } from './repository.ts';
import { userHandle } from './userHandle.ts';

interface Request {
  rpId: string;
  challenge: Buffer;
  userVerification: 'required' | 'preferred' | 'discouraged';
  /** Milliseconds. */
  timeout: number;
}

/** What a browser needs to sign in with one of these credentials (WebAuthn Level 3, PublicKeyCredentialRequestOptions). */
export const requestOptions = (
  credentials: readonly CredentialRow[],
  { rpId, challenge, userVerification, timeout }: Request,
): JsonObject => ({
  publicKey: {
    challenge: challenge.toString('base64url'),
    timeout,
    rpId,
    allowCredentials: descriptorsOf(credentials),
    userVerification,
  },
});

/** What a sign-in asked for. */
export interface Asked {
  userId: string;
  kind: Kind;
  rpId: string;
  challenge: Buffer;
  /** Whether the authenticator has to have verified its user, and not only seen somebody. */
  userVerification: boolean;
}

export interface Asserted {
  credential: CredentialRow;
  userVerified: boolean;
}

/**
 * Holds the answer to a sign-in against the user's stored credential, and moves its counter (WebAuthn Level 3, 7.2).
 * WEBAUTHN_…: a counter that went back is refused, there may be a copy. The caller has locked the user, and uses up the
 * challenge.
 */
export async function verifyAssertion(tx: Tx, json: JsonObject, asked: Asked, field: string): Promise<Asserted> {
  const { rpId, challenge, userVerification } = asked;
  const values = ['clientDataJSON', 'authenticatorData', 'signature'];
  const { transports: _, ...answer } = readCredential(json, values, field);
  const { clientDataJSON = '', authenticatorData = '', signature = '' } = answer.response;
  const credential = await findByCredentialId(tx, asked.userId, Buffer.from(answer.id, 'base64url'));
  if (credential?.kind !== asked.kind || credential.rpId !== rpId) throw invalidField('WEBAUTHN_CREDENTIAL_UNKNOWN', field);
  checkUserHandle(json, asked.userId, field);
  const expected: Expected = { type: 'webauthn.get', challenge, rpId, userVerification };
  const origin = checkClientData(tx, clientDataJSON, expected, field);
  const { parseAuthenticatorData, verifyAuthenticationResponse } = await library();
  const unreadable = 'response.authenticatorData is none';
  const data = await reading(() => parseAuthenticatorData(bytesOf(authenticatorData)), unreadable, field);
  checkAuthenticator(data, expected, field);
  if ((data.counter > 0 || credential.counter > 0) && data.counter <= credential.counter) {
    throw invalidField('WEBAUTHN_COUNTER_WRONG', field);
  }
  const { verified, authenticationInfo } = await reading(
    () =>
      verifyAuthenticationResponse({
        response: { ...answer, response: { clientDataJSON, authenticatorData, signature } },
        expectedChallenge: challenge.toString('base64url'),
        expectedOrigin: origin,
        expectedRPID: rpId,
        requireUserVerification: userVerification,
        credential: {
          id: answer.id,
          publicKey: new Uint8Array(credential.publicKey),
          counter: credential.counter,
        },
      }),
    unreadable,
    field,
  );
  if (!verified) throw invalidField('WEBAUTHN_SIGNATURE_WRONG', field);
  await markUsed(tx, credential.id, authenticationInfo.newCounter, authenticationInfo.credentialBackedUp);
  return { credential, userVerified: authenticationInfo.userVerified };
}

/** An authenticator that says whose credential it is must say the user's. */
function checkUserHandle({ response }: JsonObject, userId: string, field: string): void {
  const handle = typeof response === 'object' && response !== null && !Array.isArray(response) ? response.userHandle : undefined;
  if (handle === undefined || handle === null || handle === '') return;
  if (handle !== userHandle(userId)) throw invalidField('WEBAUTHN_CREDENTIAL_UNKNOWN', field);
}

const bytesOf = (base64url: string) => new Uint8Array(Buffer.from(base64url, 'base64url'));
