import type { JsonObject } from '@bufbuild/protobuf';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserVerificationRequirement } from '../../gen/zitadel/session/v2/challenge_pb.ts';
import { createHuman } from '../support/actors.ts';
import type { Authenticator, Deviations } from '../support/authenticator.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import {
  type Change,
  challengeIn,
  loginOf,
  openSession,
  origin,
  register,
  rpId,
  type Sessions,
  stateOf,
} from '../support/signIn.ts';

const { REQUIRED, PREFERRED, DISCOURAGED } = UserVerificationRequirement;
const absent = 'FailedPrecondition CHALLENGE_ABSENT';
const expired = 'FailedPrecondition CHALLENGE_EXPIRED';
const unknown = 'InvalidArgument WEBAUTHN_CREDENTIAL_UNKNOWN';
const present = 1;

let server: TestServer;
let users: Clients['users'];
let sessions: Sessions;

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
  sessions = await loginOf(server);
});

beforeEach(() => server.setTime(epoch));

const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const set = (sessionId: string, change: Change) => outcome(sessions.setSession({ sessionId, ...change }));
const factorsOf = async (sessionId: string) => (await sessions.getSession({ sessionId })).session?.factors;

describe('a WebAuthn challenge', () => {
  const kinds = [
    ['REQUIRED', REQUIRED, 'passkey'],
    ['PREFERRED', PREFERRED, 'u2f'],
    ['DISCOURAGED', DISCOURAGED, 'u2f'],
  ] as const;

  /** Returns the options for the browser. */
  async function ask(sessionId: string, requirement: UserVerificationRequirement = REQUIRED, domain = rpId): Promise<JsonObject> {
    const webAuthN = { domain, userVerificationRequirement: requirement };
    const { challenges } = await sessions.setSession({ sessionId, challenges: { webAuthN } });
    return challenges?.webAuthN?.publicKeyCredentialRequestOptions ?? {};
  }

  const sign = (authenticator: Authenticator, options: JsonObject, deviations: Deviations = {}) =>
    authenticator.assert(challengeIn(options), rpId, origin, deviations);
  /** With another value in its response. */
  function withResponse(assertion: JsonObject, change: JsonObject): JsonObject {
    const { response } = assertion;
    if (typeof response !== 'object' || response === null || Array.isArray(response)) throw new Error('no response');
    return { ...assertion, response: { ...response, ...change } };
  }
  const answer = (sessionId: string, credentialAssertionData: JsonObject) =>
    set(sessionId, { checks: { webAuthN: { credentialAssertionData } } });

  /** Somebody with one authenticator, and a session of his. */
  async function holder(kind: 'passkey' | 'u2f' = 'passkey') {
    const userId = await createHuman(server);
    return { userId, authenticator: await register(server, userId, kind), sessionId: await openSession(sessions, userId) };
  }

  test.each(kinds)(
    '%s asks the credentials of its kind for that domain, and takes their answer once',
    async (name, requirement, kind) => {
      const { userId, authenticator, sessionId } = await holder(kind);
      await register(server, userId, kind === 'u2f' ? 'passkey' : 'u2f');
      await register(server, userId, kind, 'other.example.org');
      const options = await ask(sessionId, requirement);
      expect(options).toEqual({
        publicKey: {
          challenge: expect.stringMatching(/^[\w-]{43}$/),
          timeout: 300_000,
          rpId,
          allowCredentials: [
            { type: 'public-key', id: authenticator.credentialId.toString('base64url'), transports: ['internal'] },
          ],
          userVerification: name.toLowerCase(),
        },
      });
      const flags = kind === 'u2f' ? { flags: present } : {};
      expect(await answer(sessionId, sign(authenticator, options, flags))).toBe('ok');
      expect((await factorsOf(sessionId))?.webAuthN).toMatchObject({
        userVerified: kind === 'passkey',
        verifiedAt: { seconds: BigInt(epoch.getTime() / 1000) },
      });
      const [row] = await server.sql`
      select counter, last_used_at from webauthn_credentials where credential_id = ${authenticator.credentialId}`;
      expect(row).toEqual({ counter: '1', last_used_at: epoch });
      expect(await answer(sessionId, sign(authenticator, options, flags))).toBe(absent);
    },
  );

  test.each(kinds)('%s is refused to whom has none of that kind for that domain', async (_, requirement, kind) => {
    const { userId, sessionId } = await holder(kind === 'u2f' ? 'passkey' : 'u2f');
    await register(server, userId, kind, 'other.example.org');
    const asked = (domain: string) =>
      set(sessionId, { challenges: { webAuthN: { domain, userVerificationRequirement: requirement } } });
    for (const domain of [rpId, 'example.com', `x.${rpId}`, 'LOGIN.example.com', 'é'.repeat(200)]) {
      expect(await asked(domain), domain).toBe('FailedPrecondition CREDENTIAL_ABSENT');
    }
    expect(await asked('other.example.org')).toBe('ok');
  });

  test('that asks for no verification takes the word of a key that verified its user', async () => {
    const { authenticator, sessionId } = await holder('u2f');
    expect(await answer(sessionId, sign(authenticator, await ask(sessionId, DISCOURAGED)))).toBe('ok');
    expect((await factorsOf(sessionId))?.webAuthN?.userVerified).toBe(true);
  });

  test.each<[string, Deviations, string]>([
    ['for another ceremony', { type: 'webauthn.create' }, 'WEBAUTHN_TYPE_WRONG'],
    ['to another challenge', { challenge: 'A'.repeat(43) }, 'WEBAUTHN_CHALLENGE_WRONG'],
    ['from another site', { origin: 'https://evil.example' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['from a site above', { origin: 'https://example.com' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['from a page without TLS', { origin: `http://${rpId}` }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['from a frame', { crossOrigin: true }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['for another relying party', { rpId: 'example.com' }, 'WEBAUTHN_RELYING_PARTY_WRONG'],
    ['with nobody present', { flags: 4 }, 'WEBAUTHN_USER_ABSENT'],
    ['without verification of the user', { flags: present }, 'WEBAUTHN_USER_UNVERIFIED'],
    ['by a credential that nobody has', { credentialId: Buffer.alloc(32, 1) }, 'WEBAUTHN_CREDENTIAL_UNKNOWN'],
    ['of a copy that has counted less far', { counter: 7 }, 'WEBAUTHN_COUNTER_WRONG'],
  ])('is not answered %s; nothing changes, and the right answer still counts', async (_, deviations, reason) => {
    const { userId, authenticator, sessionId } = await holder();
    authenticator.counter = 6;
    expect(await answer(sessionId, sign(authenticator, await ask(sessionId)))).toBe('ok');
    const options = await ask(sessionId);
    const before = await stateOf(server, userId, sessionId);
    const assertion = sign(authenticator, options, deviations);
    expect(await answer(sessionId, assertion)).toBe(`InvalidArgument ${reason}`);
    const call = sessions.setSession({ sessionId, checks: { webAuthN: { credentialAssertionData: assertion } } });
    expect(await brokenFields(call)).toEqual(['checks.web_auth_n.credential_assertion_data']);
    expect(await stateOf(server, userId, sessionId)).toEqual(before);
    expect(await answer(sessionId, sign(authenticator, options))).toBe('ok');
  });

  test('is not answered by a signature that is not of the registered key', async () => {
    const { authenticator, sessionId } = await holder();
    const options = await ask(sessionId);
    const { userId: another } = await holder();
    const forger = await register(server, another, 'passkey');
    const { credentialId } = authenticator;
    expect(await answer(sessionId, sign(forger, options, { credentialId }))).toBe('InvalidArgument WEBAUTHN_SIGNATURE_WRONG');
    for (const signature of ['AAAA', Buffer.alloc(70, 1).toString('base64url')]) {
      expect(await answer(sessionId, withResponse(sign(authenticator, options), { signature }))).toMatch(
        /^InvalidArgument WEBAUTHN_(SIGNATURE_WRONG|UNREADABLE)$/,
      );
    }
  });

  test('is its session’s, its user’s, and of the kind that was asked', async () => {
    const { userId, authenticator, sessionId } = await holder();
    const elsewhere = await openSession(sessions, userId);
    const key = await register(server, userId, 'u2f');
    const stranger = await holder();
    const options = await ask(sessionId);
    expect(await answer(elsewhere, sign(authenticator, options))).toBe(absent);
    await ask(elsewhere);
    expect(await answer(elsewhere, sign(authenticator, options))).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');
    expect(await answer(sessionId, sign(stranger.authenticator, options))).toBe(unknown);
    expect(await answer(sessionId, sign(key, options))).toBe(unknown);
    const userHandle = Buffer.from(stranger.userId).toString('base64url');
    expect(await answer(sessionId, withResponse(sign(authenticator, options), { userHandle }))).toBe(unknown);
    expect(await answer(sessionId, sign(authenticator, await ask(sessionId, PREFERRED)))).toBe(unknown);
    expect(await answer(sessionId, sign(key, options))).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');
  });

  test('lives for five minutes, until the next one, and until the credential is removed', async () => {
    const { userId, authenticator, sessionId } = await holder();
    const first = await ask(sessionId);
    later(299.999);
    const second = await ask(sessionId);
    expect(await answer(sessionId, sign(authenticator, first))).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');
    later(299.999 + 300);
    expect(await answer(sessionId, sign(authenticator, second))).toBe(expired);
    const third = await ask(sessionId);
    const { result } = await users.listPasskeys({ userId });
    await users.removePasskey({ userId, passkeyId: result[0]?.id ?? '' });
    expect(await answer(sessionId, sign(authenticator, third))).toBe(unknown);
  });

  test('is not answered in the call that asks for it', async () => {
    const { userId, authenticator, sessionId } = await holder();
    const challenges = { webAuthN: { domain: rpId, userVerificationRequirement: REQUIRED } };
    const options = await ask(sessionId);
    const checks = { webAuthN: { credentialAssertionData: sign(authenticator, options) } };
    const { challenges: made } = await sessions.setSession({ sessionId, checks, challenges });
    const next = made?.webAuthN?.publicKeyCredentialRequestOptions ?? {};
    expect(await answer(sessionId, sign(authenticator, options))).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');
    expect(await answer(sessionId, sign(authenticator, next))).toBe('ok');
    const user = { search: { case: 'userId', value: userId } } as const;
    expect(await outcome(sessions.createSession({ checks: { user, ...checks }, challenges }))).toBe(absent);
  });
});
