// What registering and signing in have in common: who signed for what, held against what was asked (WebAuthn Level 3, 7.1
// and 7.2). The library checks it once more; here each deviation has its reason.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import type { App } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { belongs } from './relyingParty.ts';
import type { CredentialRow } from './repository.ts';

/** WebAuthn Level 3, 13.4.3 asks for 16 at least. */
export const challengeBytes = 32;

/** How a browser is told of credentials. */
export const descriptorsOf = (credentials: readonly Pick<CredentialRow, 'credentialId' | 'transports'>[]): JsonObject[] =>
  credentials.map(({ credentialId, transports }) => ({
    type: 'public-key',
    id: credentialId.toString('base64url'),
    ...(transports.length > 0 && { transports: [...transports] }),
  }));

/** What an answer is held against. */
export interface Expected {
  type: 'webauthn.create' | 'webauthn.get';
  challenge: Buffer;
  rpId: string;
  userVerification: boolean;
}

/** Returns the origin: one that belongs to the relying party. WEBAUTHN_… for everything that is not as expected. */
export function checkClientData(app: Pick<App, 'settings'>, clientDataJson: string, expected: Expected, field: string): string {
  const { type, challenge, origin, crossOrigin, topOrigin } = clientDataIn(clientDataJson, field);
  if (type !== expected.type) throw invalidField('WEBAUTHN_TYPE_WRONG', field);
  const answered = typeof challenge === 'string' ? Buffer.from(challenge, 'base64url') : Buffer.alloc(0);
  const same = answered.length === expected.challenge.length && timingSafeEqual(answered, expected.challenge);
  if (!same) throw invalidField('WEBAUTHN_CHALLENGE_WRONG', field);
  // Framed by another site, whoever looks at the page cannot see who asks.
  const framed = (crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined;
  if (typeof origin !== 'string' || framed || !belongs(app, origin, expected.rpId)) {
    throw invalidField('WEBAUTHN_ORIGIN_WRONG', field);
  }
  return origin;
}

function clientDataIn(text: string, field: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64url')));
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed };
  } catch {
    // Told below.
  }
  throw invalidField('WEBAUTHN_UNREADABLE', field, { problem: 'response.clientDataJSON is no JSON object' });
}

/** What an authenticator says it did. */
interface AuthenticatorData {
  rpIdHash: Uint8Array;
  flags: { up: boolean; uv: boolean };
}

export function checkAuthenticator({ rpIdHash, flags }: AuthenticatorData, expected: Expected, field: string): void {
  const wanted = createHash('sha256').update(expected.rpId).digest();
  if (rpIdHash.length !== wanted.length || !timingSafeEqual(rpIdHash, wanted)) {
    throw invalidField('WEBAUTHN_RELYING_PARTY_WRONG', field);
  }
  if (!flags.up) throw invalidField('WEBAUTHN_USER_ABSENT', field);
  if (expected.userVerification && !flags.uv) throw invalidField('WEBAUTHN_USER_UNVERIFIED', field);
}

/** Runs what the library does with bytes of a stranger's: whatever it throws is about them. */
export async function reading<T>(work: () => T | Promise<T>, problem: string, field: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failure('WEBAUTHN_UNREADABLE', {
      metadata: { problem },
      violations: [{ field, description: problem }],
      cause: error,
    });
  }
}
