// Signing in with a passkey, up to the function that checks it: sessions will call it.
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { beforeAll, expect, test } from 'vitest';
import { type Asked, verifyAssertion } from '../../src/features/passkey/assertion.ts';
import { transaction } from '../../src/kernel/call.ts';
import { operatorCall } from '../../src/system.ts';
import { createHuman } from '../support/actors.ts';
import { Authenticator, type Deviations } from '../support/authenticator.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';

const rpId = 'roster.example.com';
const origin = 'https://roster.example.com';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

async function owner(): Promise<{ userId: string; authenticator: Authenticator }> {
  const userId = await createHuman(server);
  const authenticator = new Authenticator();
  const { users } = server.as();
  const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({ userId });
  const publicKeyCredential = authenticator.register(options, origin);
  await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' });
  return { userId, authenticator };
}

const challenge = randomBytes(32);
const verify = (json: JsonObject, asked: Partial<Asked> & Pick<Asked, 'userId'>) =>
  transaction(operatorCall(server.app), (tx) =>
    verifyAssertion(tx, json, { kind: 'passkey', rpId, challenge, userVerification: true, ...asked }, 'check'),
  );

test('a right answer moves the counter and the time of use', async () => {
  const { userId, authenticator } = await owner();
  const { credential, userVerified } = await verify(authenticator.assert(challenge, rpId, origin), { userId });
  expect(userVerified).toBe(true);
  const [row] = await server.sql<{ counter: string; last: Date }[]>`
    select counter, last_used_at as last from webauthn_credentials where id = ${credential.id}`;
  expect(Number(row?.counter)).toBe(1);
  expect(row?.last).toEqual(server.app.clock());
  await verify(authenticator.assert(challenge, rpId, origin), { userId });
});

test.each<[string, Deviations, string]>([
  ['another ceremony', { type: 'webauthn.create' }, 'WEBAUTHN_TYPE_WRONG'],
  ['another challenge', { challenge: randomBytes(32).toString('base64url') }, 'WEBAUTHN_CHALLENGE_WRONG'],
  ['another site', { origin: 'https://evil.example' }, 'WEBAUTHN_ORIGIN_WRONG'],
  ['another relying party', { rpId: 'example.com' }, 'WEBAUTHN_RELYING_PARTY_WRONG'],
  ['nobody present', { flags: 4 }, 'WEBAUTHN_USER_ABSENT'],
  ['a user that was not verified', { flags: 1 }, 'WEBAUTHN_USER_UNVERIFIED'],
  ['an unknown credential', { credentialId: randomBytes(32) }, 'WEBAUTHN_CREDENTIAL_UNKNOWN'],
])('refuses %s', async (_, deviations, reason) => {
  const { userId, authenticator } = await owner();
  const answer = authenticator.assert(challenge, rpId, origin, deviations);
  expect(await outcome(verify(answer, { userId }))).toBe(`InvalidArgument ${reason}`);
});

test('refuses a counter that does not rise: there may be a copy', async () => {
  const { userId, authenticator } = await owner();
  await verify(authenticator.assert(challenge, rpId, origin, { counter: 7 }), { userId });
  for (const counter of [7, 6, 0]) {
    const answer = authenticator.assert(challenge, rpId, origin, { counter });
    expect(await outcome(verify(answer, { userId }))).toBe('InvalidArgument WEBAUTHN_COUNTER_WRONG');
  }
  expect((await verify(authenticator.assert(challenge, rpId, origin, { counter: 8 }), { userId })).credential.counter).toBe(7);
});

test('an authenticator that does not count is taken', async () => {
  const { userId, authenticator } = await owner();
  await verify(authenticator.assert(challenge, rpId, origin, { counter: 0 }), { userId });
  await verify(authenticator.assert(challenge, rpId, origin, { counter: 0 }), { userId });
});

test('refuses another key’s signature, another user’s credential, one of another kind, and another’s handle', async () => {
  const { userId, authenticator } = await owner();
  const other = await owner();
  const forged = new Authenticator(authenticator.credentialId).assert(challenge, rpId, origin);
  expect(await outcome(verify(forged, { userId }))).toBe('InvalidArgument WEBAUTHN_SIGNATURE_WRONG');
  const theirs = other.authenticator.assert(challenge, rpId, origin);
  expect(await outcome(verify(theirs, { userId }))).toBe('InvalidArgument WEBAUTHN_CREDENTIAL_UNKNOWN');
  const mine = authenticator.assert(challenge, rpId, origin);
  expect(await outcome(verify(mine, { userId, kind: 'u2f' }))).toBe('InvalidArgument WEBAUTHN_CREDENTIAL_UNKNOWN');
  const response =
    typeof mine.response === 'object' && mine.response !== null && !Array.isArray(mine.response) ? mine.response : {};
  const withHandle = (handle: string) => ({
    ...mine,
    response: { ...response, userHandle: Buffer.from(handle).toString('base64url') },
  });
  expect(await outcome(verify(withHandle(other.userId), { userId }))).toBe('InvalidArgument WEBAUTHN_CREDENTIAL_UNKNOWN');
  expect(await outcome(verify(withHandle(userId), { userId }))).toBe('ok');
});

test('a user that need not be verified is told apart', async () => {
  const { userId, authenticator } = await owner();
  const answer = authenticator.assert(challenge, rpId, origin, { flags: 1 });
  expect((await verify(answer, { userId, userVerification: false })).userVerified).toBe(false);
});
