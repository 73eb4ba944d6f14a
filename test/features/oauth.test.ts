// Service users get tokens for their keys and secrets, and both end when they should.
import { createPublicKey } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, importPKCS8, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { tokenHash } from '../../src/kernel/auth/tokens.ts';
import { Sweeper } from '../../src/kernel/sweeping/sweeper.ts';
import { createMachine, tokenFor, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import {
  addKey,
  addSecret,
  askToken,
  basic,
  clientAssertion,
  createClient,
  issuer,
  jwtBearer,
  type Key,
  outcomeOf,
  post,
  sign,
  tokenByKey,
  tokenBySecret,
  tokenOf,
} from '../support/oauth.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let replica: TestServer;
let key: Key;

beforeAll(async () => {
  server = await startServer();
  replica = await startServer({ beside: server });
  key = await addKey(server, await createMachine(server));
});

const setTime = (date: Date) => {
  server.setTime(date);
  replica.setTime(date);
};
afterEach(() => setTime(epoch));

const later = (seconds: number) => new Date(epoch.getTime() + seconds * 1000);
const hour = 3600;
const kinds = [
  ['opaque', AccessTokenType.BEARER],
  ['JWT', AccessTokenType.JWT],
] as const;

/** Whether a token is taken, by one process and by the other. */
const isTaken = (token: string) => Promise.all([server, replica].map((one) => outcome(one.as(token).users.listUsers({}))));
const taken = ['ok', 'ok'];
const refused = ['Unauthenticated UNAUTHENTICATED', 'Unauthenticated UNAUTHENTICATED'];

describe.each(kinds)('a token (%s)', (kind, accessTokenType) => {
  test('is given for a key and for a secret, and stands for the machine', async () => {
    const { userId, secret, key: own } = await createClient(server, accessTokenType);
    for (const token of [await tokenByKey(server, own), await tokenBySecret(server, userId, secret)]) {
      expect(token.startsWith('roster_at_')).toBe(kind === 'opaque');
      expect(await isTaken(token)).toEqual(taken);
      const { user } = await replica.as(token).users.getUserByID({ userId });
      expect(user?.userId).toBe(userId);
      server.statements();
      await server.as(token).users.getUserByID({ userId });
      expect(server.statements()).toHaveLength(1);
      const several = await Promise.all(Array.from({ length: 3 }, () => server.as(token).users.getUserByID({ userId })));
      expect(several.map(({ user: found }) => found?.userId)).toEqual([userId, userId, userId]);
      for (const wrong of [`${token}x`, token.slice(0, -1)]) expect(await isTaken(wrong)).toEqual(refused);
    }
    const stored = await server.sql<{ text: string }[]>`select t::text || encode(t.hash, 'escape') as text from access_tokens t
      where user_id = ${userId} union all select e::text from user_events e`;
    expect(stored.map(({ text }) => text).join()).not.toMatch(/roster_at_|eyJ/);
    const events = await server.sql`select type from user_events where user_id = ${userId} order by sequence`;
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['key.checked', 'secret.checked']);
  });

  test('ends after twelve hours, and with the key', async () => {
    const { userId, secret } = await createClient(server, accessTokenType);
    const brief = await addKey(server, userId, 2 * hour * 1000);
    const assertion = await sign(brief, epoch);
    const byKey = await askToken(server, { grant_type: jwtBearer, assertion });
    expect(byKey.body).toMatchObject({ token_type: 'Bearer', expires_in: 2 * hour });
    const token = await tokenBySecret(server, userId, secret);
    setTime(later(2 * hour));
    expect(await isTaken(tokenOf(byKey))).toEqual(refused);
    setTime(later(12 * hour - 1));
    expect(await isTaken(token)).toEqual(taken);
    setTime(later(12 * hour));
    expect(await isTaken(token)).toEqual(refused);
    await new Sweeper(server.app).run();
    expect(await server.sql`select id from access_tokens where user_id = ${userId}`).toEqual([]);
  });

  test('is refused from the next call on when what it was made from is gone, or its machine may not act', async () => {
    const { users } = server.as();
    const { userId, secret, key: own } = await createClient(server, accessTokenType);
    const other = await addKey(server, userId);
    const made = async () => ({
      byKey: await tokenByKey(server, own),
      byOther: await tokenByKey(server, other),
      bySecret: await tokenBySecret(server, userId, secret),
    });
    const tokens = await made();
    await users.deactivateUser({ userId });
    for (const token of Object.values(tokens)) expect(await isTaken(token)).toEqual(refused);
    await users.reactivateUser({ userId });
    await users.lockUser({ userId });
    for (const token of Object.values(tokens)) expect(await isTaken(token)).toEqual(refused);
    await users.unlockUser({ userId });
    for (const token of Object.values(tokens)) expect(await isTaken(token)).toEqual(taken);
    await users.removeKey({ userId, keyId: own.keyId });
    expect(await isTaken(tokens.byKey)).toEqual(refused);
    expect(await isTaken(tokens.byOther)).toEqual(taken);
    const second = await addSecret(server, userId);
    expect(await isTaken(tokens.bySecret)).toEqual(refused);
    const bySecond = await tokenBySecret(server, userId, second);
    await users.removeSecret({ userId });
    expect(await isTaken(bySecond)).toEqual(refused);
    await users.deleteUser({ userId });
    expect(await isTaken(tokens.byOther)).toEqual(refused);
  });
});

describe('an assertion', () => {
  const ask = (assertion: string, on: Pick<TestServer, 'address'> = server) =>
    outcomeOf(askToken(on, { grant_type: jwtBearer, assertion }));
  const iat = epoch.getTime() / 1000;
  let count = 0;
  const jti = () => ({ jti: `jti ${++count}` });

  test.each([
    ['one with an id', {}],
    ['one for the token endpoint', { aud: `${issuer}/oauth/v2/token` }],
    ['one for several', { aud: ['https://elsewhere.example.com', issuer] }],
    ['one of a clock that is ahead', { iat: iat + 10, exp: iat + 3610 }],
    ['one that has just expired', { iat: iat - 3600, exp: iat - 9 }],
    ['one that is valid in a moment', { nbf: iat + 10 }],
  ])('is taken: %s', async (_, claims) => {
    expect(await ask(await sign(key, epoch, { claims: { ...jti(), ...claims } }))).toBe('200');
  });

  test.each([
    ['expired', { iat: iat - 3600, exp: iat - 10 }],
    ['not yet valid', { nbf: iat + 11 }],
    ['of the future', { iat: iat + 11, exp: iat + 3600 }],
    ['an hour and more old', { iat: iat - 3611, exp: iat + 60 }],
    ['too long', { exp: iat + 3601 }],
    ['without an end', { exp: undefined }],
    ['without a beginning', { iat: undefined }],
    ['for somebody else', { aud: 'https://elsewhere.example.com' }],
    ['for nobody', { aud: undefined }],
    ['of another issuer', { iss: 'somebody' }],
    ['without an issuer', { iss: undefined }],
    ['of nobody', { sub: '404', iss: '404' }],
    ['without a subject', { sub: undefined }],
    ['of a name that nothing can have', { sub: 'a\0b', iss: 'a\0b' }],
    ['for a user by its key', { sub: '404' }],
    ['with an id that is none', { jti: 7 }],
  ])('is refused: %s', async (_, claims) => {
    expect(await ask(await sign(key, epoch, { claims: { ...jti(), ...claims } }))).toBe('400 invalid_grant');
  });

  test('is refused when another key signed it, when nothing did, or when the public key was the secret', async () => {
    const stranger = await addKey(server, await createMachine(server));
    const pem = createPublicKey(key.pem).export({ type: 'spki', format: 'pem' }).toString();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: key.userId, sub: key.userId, aud: issuer, iat, exp: iat + 60 };
    const right = await sign(key, epoch, { claims: jti() });
    const assertions = {
      byAnother: await sign(key, epoch, { signWith: stranger.privateKey }),
      namingAnother: await sign(key, epoch, { header: { kid: stranger.keyId } }),
      namingNone: await sign(key, epoch, { header: { kid: '404' } }),
      namingNul: await sign(key, epoch, { header: { kid: 'a\0' } }),
      namingNumber: await sign(key, epoch, { header: { kid: 7 } }),
      hs256: await sign(key, epoch, { header: { alg: 'HS256' }, signWith: Buffer.from(pem) }),
      none: `${part({ alg: 'none', kid: key.keyId })}.${part(claims)}.`,
      noneSigned: `${part({ alg: 'none', kid: key.keyId })}.${part(claims)}.${right.split('.')[2]}`,
      critical: `${part({ alg: 'RS256', kid: key.keyId, crit: ['x'], x: 1 })}.${part(claims)}.AA`,
      cut: right.slice(0, -4),
      changed: right.replace(/\.[^.]+\./, `.${part({ ...claims, jti: 'x' })}.`),
    };
    const told = await Promise.all(Object.entries(assertions).map(async ([name, text]) => [name, await ask(text)]));
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(Object.keys(assertions).map((name) => [name, '400 invalid_grant'])),
    );
    expect(await ask(right)).toBe('200');
  });

  test('with an id is taken once, whichever process has seen it', async () => {
    const withId = await sign(key, epoch, { claims: { jti: 'once' } });
    expect(await ask(withId)).toBe('200');
    expect(await ask(withId, replica)).toBe('400 invalid_grant');
    expect(await ask(await sign(key, epoch, { claims: { jti: 'once', exp: iat + 60 } }))).toBe('400 invalid_grant');
    // Another machine may have the same id.
    expect(await ask(await sign(await addKey(server, await createMachine(server)), epoch, { claims: { jti: 'once' } }))).toBe(
      '200',
    );
    const atOnce = await sign(key, epoch, { claims: { jti: 'at once' } });
    const tries = await Promise.all([server, replica, server, replica].map((on) => ask(atOnce, on)));
    expect(tries.toSorted()).toEqual(['200', ...Array.from({ length: 3 }, () => '400 invalid_grant')]);
    setTime(later(2 * hour + 20));
    await new Sweeper(server.app).run();
    expect(await server.sql`select hash from used_assertions`).toEqual([]);
    expect(await ask(withId)).toBe('400 invalid_grant');
  });

  test('without an id is taken until it expires: processes that share a key sign alike within a second', async () => {
    const without = await sign(key, epoch);
    expect(await Promise.all([server, replica].map((on) => ask(without, on)))).toEqual(['200', '200']);
    setTime(later(2 * hour + 20));
    expect(await ask(without)).toBe('400 invalid_grant');
  });

  test('needs no key id where the machine has one key only', async () => {
    const only = await addKey(server, await createMachine(server));
    const anonymous = () => sign(only, epoch, { claims: jti(), header: { kid: undefined } });
    expect(await ask(await anonymous())).toBe('200');
    await addKey(server, only.userId);
    expect(await ask(await anonymous())).toBe('400 invalid_grant');
  });

  test('is refused when the key is removed or expired, or its machine may not act', async () => {
    const { users } = server.as();
    const [removed, expired] = [await addKey(server, key.userId), await addKey(server, key.userId, 1000)];
    await users.removeKey({ userId: key.userId, keyId: removed.keyId });
    setTime(later(1));
    for (const gone of [removed, expired]) expect(await ask(await sign(gone, later(1)), replica)).toBe('400 invalid_grant');
    const machines = await Promise.all(['deactivateUser', 'lockUser', 'deleteUser'].map(() => createMachine(server)));
    const keys = await Promise.all(machines.map((userId) => addKey(server, userId)));
    const [inactive = '', locked = '', deleted = ''] = machines;
    await users.deactivateUser({ userId: inactive });
    await users.lockUser({ userId: locked });
    await users.deleteUser({ userId: deleted });
    for (const one of keys) expect(await ask(await sign(one, epoch))).toBe('400 invalid_grant');
  });
});

describe('a secret', () => {
  test('is taken by HTTP Basic and by parameters, with the id or the username', async () => {
    const username = unique('Deploy Bot+ü:');
    const userId = await createMachine(server, { username });
    const secret = await addSecret(server, userId);
    const grant = { grant_type: 'client_credentials' };
    for (const id of [userId, username, username.toUpperCase()]) {
      expect(await outcomeOf(askToken(server, grant, basic(id, secret)))).toBe('200');
      expect(await outcomeOf(askToken(server, { ...grant, client_id: id, client_secret: secret }))).toBe('200');
    }
    const scope = 'openid profile urn:zitadel:iam:org:project:id:zitadel:aud';
    expect((await askToken(server, { ...grant, scope }, basic(userId, secret))).body).toMatchObject({
      scope,
      expires_in: 12 * hour,
    });
    for (const wrong of [secret.slice(1), `${secret}x`, secret.toLowerCase(), ' ']) {
      const told = await askToken(server, grant, basic(userId, wrong));
      expect([told.status, told.body.error]).toEqual([401, 'invalid_client']);
      expect(told.headers.get('www-authenticate')).toMatch(/^Basic/);
      expect(told.headers.get('cache-control')).toBe('no-store');
      // Nobody learns whether there is such a client.
      expect((await askToken(server, grant, basic('nobody', wrong))).body).toEqual(told.body);
    }
  });

  test('of a machine whose id is the name of another works for each', async () => {
    const name = unique('twin');
    const [first, second] = [
      await createMachine(server, { username: name }),
      await createMachine(server, { userId: name, username: unique('other') }),
    ];
    for (const userId of [first, second]) {
      const token = await tokenBySecret(server, name, await addSecret(server, userId));
      expect((await server.as(token).users.getUserByID({ userId })).user?.userId).toBe(userId);
    }
  });

  test('is no longer taken when it is replaced or removed, or the machine may not act', async () => {
    const { users } = server.as();
    const userId = await createMachine(server);
    const ask = (secret: string) =>
      outcomeOf(askToken(replica, { grant_type: 'client_credentials', client_id: userId, client_secret: secret }));
    const [first, second] = [await addSecret(server, userId), await addSecret(server, userId)];
    expect([await ask(first), await ask(second)]).toEqual(['401 invalid_client', '200']);
    await users.deactivateUser({ userId });
    expect(await ask(second)).toBe('401 invalid_client');
    await users.reactivateUser({ userId });
    await users.lockUser({ userId });
    expect(await ask(second)).toBe('401 invalid_client');
    await users.unlockUser({ userId });
    expect(await ask(second)).toBe('200');
    await users.removeSecret({ userId });
    expect(await ask(second)).toBe('401 invalid_client');
  });
});

test('no token is left of credentials that are taken away while they are used', async () => {
  const { userId, secret, key: own } = await createClient(server, AccessTokenType.BEARER);
  const grant = { grant_type: 'client_credentials', client_id: userId, client_secret: secret };
  const asking = Array.from({ length: 6 }, async (_, n) => {
    const assertion = await sign(own, epoch, { claims: { jti: `race ${n}` } });
    return Promise.all([askToken(server, grant), askToken(replica, { grant_type: jwtBearer, assertion })]);
  });
  const { users } = server.as();
  const taking = [users.removeSecret({ userId }), users.removeKey({ userId, keyId: own.keyId })];
  const told = (await Promise.all(asking)).flat();
  await Promise.all(taking);
  for (const one of told) {
    if (one.status === 200) expect(await isTaken(tokenOf(one))).toEqual(refused);
    else expect(['invalid_client', 'invalid_grant']).toContain(one.body.error);
  }
});

describe('a JWT', () => {
  test('is one that others can verify with the keys that are shown (RFC 9068)', async () => {
    const { userId, secret } = await createClient(server, AccessTokenType.JWT);
    const grant = { grant_type: 'client_credentials', client_id: userId, client_secret: secret, scope: 'openid' };
    const token = tokenOf(await askToken(server, grant));
    const keys = createRemoteJWKSet(new URL(`${server.address}/oauth/v2/keys`));
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience: issuer,
      typ: 'at+jwt',
      currentDate: epoch,
    });
    const iat = epoch.getTime() / 1000;
    expect(payload).toMatchObject({
      iss: issuer,
      aud: issuer,
      sub: userId,
      client_id: userId,
      scope: 'openid',
      iat,
      exp: iat + 12 * hour,
    });
    expect(payload.jti).toMatch(/^\d{18}$/);
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'at+jwt' });
    const shown = await (await fetch(`${server.address}/oauth/v2/keys`)).text();
    expect(Object.keys(JSON.parse(shown).keys[0]).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  test('that we did not sign as an access token is none', async () => {
    const { userId, secret, key: own } = await createClient(server, AccessTokenType.JWT);
    const token = await tokenBySecret(server, userId, secret);
    const claims = decodeJwt(token);
    const header = decodeProtectedHeader(token);
    const forged = await sign(own, epoch, { claims, header: { ...header } });
    const [head, body, signature] = token.split('.');
    const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${body}.${signature}`;
    for (const wrong of [forged, none, `${head}.${body}.`, `${head}.${body}`, await sign(own, epoch), 'eyJ.eyJ.x']) {
      expect(await isTaken(wrong)).toEqual(refused);
    }
    // Neither a row nor a signature is enough by itself.
    await server.sql`update access_tokens set hash = ${tokenHash(server.app.keys, forged)} where user_id = ${userId}`;
    expect(await isTaken(forged)).toEqual(refused);
    expect(await isTaken(token)).toEqual(refused);
  });
});

describe('a strict client', () => {
  const open = async (id: string, auth: client.ClientAuth) =>
    client.discovery(new URL(issuer), id, undefined, auth, {
      [client.customFetch]: (url, { method, headers, body }) =>
        fetch(url.replace(issuer, server.address), { method, headers, ...(body !== undefined && { body: String(body) }) }),
    });

  test('finds its way, gets tokens and asks about them', async () => {
    const { userId, secret } = await createClient(server, AccessTokenType.JWT);
    for (const auth of [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)]) {
      const config = await open(userId, auth);
      const { access_token } = await client.clientCredentialsGrant(config, { scope: 'openid' });
      expect(await client.tokenIntrospection(config, access_token)).toMatchObject({ active: true, sub: userId, scope: 'openid' });
      expect(await client.tokenIntrospection(config, 'nothing')).toEqual({ active: false });
    }
  });

  test('signs in by what it signs', async () => {
    const own = await addKey(server, await createMachine(server));
    setTime(new Date());
    const cryptoKey = await importPKCS8(own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'RS256');
    const config = await open(own.userId, client.PrivateKeyJwt({ key: cryptoKey, kid: own.keyId }));
    const { access_token } = await client.clientCredentialsGrant(config);
    expect(await client.tokenIntrospection(config, access_token)).toMatchObject({ active: true, sub: own.userId });
  });
});

describe('what is told of a token', () => {
  const ask = async (token: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    post(replica, '/oauth/v2/introspect', { token, ...form }, headers);

  test('is told to service users, by secret, by what they sign and by token', async () => {
    const { userId, secret, key: own } = await createClient(server, AccessTokenType.BEARER);
    const token = await tokenBySecret(server, userId, secret);
    const asker = await createClient(server, AccessTokenType.BEARER);
    const assertion = await sign(asker.key, epoch, { claims: { aud: `${issuer}/oauth/v2/introspect`, jti: 'asking' } });
    const signed = { client_assertion_type: clientAssertion, client_assertion: assertion };
    const bearer = { authorization: `Bearer ${await tokenByKey(server, asker.key)}` };
    const iat = epoch.getTime() / 1000;
    const expected = {
      active: true,
      client_id: userId,
      username: userId,
      token_type: 'Bearer',
      sub: userId,
      aud: issuer,
      iss: issuer,
    };
    for (const told of [
      await ask(token, {}, basic(asker.userId, asker.secret)),
      await ask(token, signed),
      await ask(token, {}, bearer),
    ]) {
      expect(told.body).toEqual({ ...expected, iat, exp: iat + 12 * hour, jti: expect.any(String) });
    }
    expect((await ask(server.token, {}, bearer)).body).toMatchObject({ active: true });
    const nothing = { active: false };
    for (const unknown of ['nothing', `${token}x`, own.pem, await sign(own, epoch)])
      expect((await ask(unknown, {}, bearer)).body).toEqual(nothing);
    await server.as().users.lockUser({ userId });
    expect((await ask(token, {}, bearer)).body).toEqual(nothing);
    // What has an id is good for one question.
    expect(await outcomeOf(ask(token, signed))).toBe('401 invalid_client');
    expect(await outcomeOf(ask(token, {}))).toBe('401 invalid_client');
    expect(await outcomeOf(ask(token, {}, basic(asker.userId, 'wrong')))).toBe('401 invalid_client');
    expect(await outcomeOf(ask(token, {}, { authorization: 'Bearer wrong' }))).toBe('401 invalid_token');
  });
});

test('an organization that may not act has no machine that gets tokens, asks about them, or has any', async () => {
  const { userId, secret, key: own } = await createClient(server, AccessTokenType.BEARER);
  const tokens = [await tokenBySecret(server, userId, secret), await tokenFor(server, userId)];
  const asker = await createClient(server, AccessTokenType.BEARER);
  const home = (await server.as().users.getUserByID({ userId })).details?.resourceOwner ?? '';
  const other = await server.as().organizations.addOrganization({ name: unique('Askers') });
  await server.sql`update users set organization_id = ${other.organizationId} where id = ${asker.userId}`;
  const askedBy = ({ userId: id, secret: own }: typeof asker, token = '') =>
    post(server, '/oauth/v2/introspect', { token: token || 'x' }, basic(id, own));
  const active = async () => Promise.all(tokens.map(async (token) => (await askedBy(asker, token)).body.active));
  const outcomes = async () => [
    await outcomeOf(askToken(server, { grant_type: 'client_credentials', client_id: userId, client_secret: secret })),
    await outcomeOf(askToken(server, { grant_type: jwtBearer, assertion: await sign(own, epoch) })),
    await outcomeOf(askedBy({ userId, secret, key: own })),
    await active(),
  ];
  expect(await outcomes()).toEqual(['200', '200', '200', [true, true]]);
  await server.sql`update organizations set state = 'inactive' where id = ${home}`;
  try {
    expect(await outcomes()).toEqual(['401 invalid_client', '400 invalid_grant', '401 invalid_client', [false, false]]);
    for (const token of tokens) expect(await isTaken(token)).toEqual(refused);
  } finally {
    await server.sql`update organizations set state = 'active' where id = ${home}`;
  }
  await server.as().users.deactivateUser({ userId });
  expect(await outcomes()).toEqual(['401 invalid_client', '400 invalid_grant', '401 invalid_client', [false, false]]);
});
