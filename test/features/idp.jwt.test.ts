// A site that people are signed in to hands over a token that says who they are.
import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  base64url,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHuman, unique } from '../support/actors.ts';
import { closeWithFile } from '../support/closing.ts';
import { outcome } from '../support/errors.ts';
import { begin, failureUrl, type Landing, land, successUrl } from '../support/journeys.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const headerName = 'X-Portal-Token';

/** What publishes the keys of the site. */
interface Portal {
  url: string;
  keys: JWK[];
  /** In place of the keys. */
  instead: { status: number; body: string } | undefined;
  asked: number;
}

let server: TestServer;
let portal: Portal;
let idpId: string;
/** Signs what is right, by the kid `one`. */
let key: CryptoKey;
let publicKey: CryptoKey;

async function startPortal(): Promise<Portal> {
  const state: Portal = { url: '', keys: [], instead: undefined, asked: 0 };
  const http = createServer((_, response) => {
    state.asked++;
    const { status, body } = state.instead ?? { status: 200, body: JSON.stringify({ keys: state.keys }) };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  closeWithFile(async () => {
    http.closeAllConnections();
    http.close();
  });
  const address = http.address();
  state.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return state;
}

const published = async (of: CryptoKey, kid: string, alg = 'ES256'): Promise<JWK> => ({
  ...(await exportJWK(of)),
  kid,
  alg,
  use: 'sig',
});

const addJwt = async (keysEndpoint = `${portal.url}/keys?of=${unique('site')}`) =>
  (
    await server.as().admin.addJWTProvider({
      name: unique('JWT '),
      jwtEndpoint: 'https://portal.example.org/jwt?a=b',
      issuer: 'portal',
      keysEndpoint,
      headerName,
    })
  ).id;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
  portal = await startPortal();
  ({ privateKey: key, publicKey } = await generateKeyPair('ES256'));
});

beforeEach(async () => {
  server.setTime(epoch);
  Object.assign(portal, { keys: [await published(publicKey, 'one')], instead: undefined, asked: 0 });
  idpId = await addJwt();
});

afterEach(() => {
  vi.useRealTimers();
});

const seconds = (date: Date) => Math.floor(date.getTime() / 1000);
const claims = (): JWTPayload => ({
  iss: 'portal',
  aud: server.url,
  sub: 'Ada-1',
  iat: seconds(epoch),
  exp: seconds(epoch) + 600,
});

const sign = (payload: JWTPayload = claims(), header: Partial<JWTHeaderParameters> = {}, by: CryptoKey | Uint8Array = key) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'JWT', ...header }).sign(by);

const without = (name: string): JWTPayload => Object.fromEntries(Object.entries(claims()).filter(([claim]) => claim !== name));

/** Where the site sends people back to. */
function wayBack(url: URL, changes: Record<string, string> = {}): string {
  const back = new URL(`${server.address}/idps/jwt`);
  for (const name of ['authRequestID', 'userAgentID'])
    back.searchParams.set(name, changes[name] ?? url.searchParams.get(name) ?? '');
  return back.href;
}

/** The whole way, with that token in that header. */
async function bring(token: string, { name = headerName, idp = idpId } = {}): Promise<Landing> {
  const { url } = await begin(server, idp);
  return land(wayBack(url), { [name]: token });
}

const success = () => new URL(successUrl(server));
const said = ({ status, at, parameters }: Landing) => {
  expect({ status, at }).toEqual({ status: 303, at: failureUrl(server) });
  return `${parameters.error}: ${parameters.error_description}`;
};

test('the way there names the sign-in and the browser, nothing else', async () => {
  const [{ url }, { url: other }] = [await begin(server, idpId), await begin(server, idpId)];
  expect(url.origin + url.pathname).toBe('https://portal.example.org/jwt');
  expect([...url.searchParams.keys()].toSorted()).toEqual(['a', 'authRequestID', 'userAgentID']);
  expect(url.searchParams.get('authRequestID')).toMatch(/^\d{18}$/);
  expect(url.searchParams.get('userAgentID')).toMatch(/^[\w-]{22}$/);
  expect(url.searchParams.get('userAgentID')).not.toBe(other.searchParams.get('userAgentID'));
});

test('a token says who it is, for as long as it lasts, and a session takes it', async () => {
  const userId = await createHuman(server);
  await server.as().users.addIDPLink({ userId, idpLink: { idpId, userId: 'Ada-1', userName: 'ada' } });
  const person = {
    email: 'ada@example.org',
    email_verified: true,
    given_name: 'Ada',
    family_name: 'L',
    preferred_username: 'ada',
    locale: 'en',
  };
  const token = await sign({ ...claims(), ...person });
  const { status, at, parameters } = await bring(`Bearer ${token}`);
  expect({ status, at, user: parameters.user }).toEqual({ status: 303, at: success().origin + success().pathname, user: userId });
  const proof = { idpIntentId: parameters.id ?? '', idpIntentToken: parameters.token ?? '' };
  const { idpInformation } = await server.as().users.retrieveIdentityProviderIntent(proof);
  expect(idpInformation).toMatchObject({
    ...{ idpId, userId: 'Ada-1', userName: 'ada', rawInformation: { ...claims(), ...person } },
    access: { case: 'oauth', value: { accessToken: '', idToken: token } },
  });
  const session = () =>
    server.as().sessions.createSession({ checks: { user: { search: { case: 'userId', value: userId } }, idpIntent: proof } });
  server.setTime(new Date(epoch.getTime() + 600_000));
  expect(await outcome(session())).toBe('FailedPrecondition INTENT_EXPIRED');
  server.setTime(new Date(epoch.getTime() + 599_000));
  expect(await outcome(session())).toBe('ok');
  expect(await outcome(session())).toBe('FailedPrecondition INTENT_NOT_SUCCEEDED');
});

test('every asymmetric algorithm is taken, with or without a kid, alone or among several audiences', async () => {
  for (const alg of ['RS256', 'PS512', 'ES384', 'EdDSA']) {
    const pair = await generateKeyPair(alg);
    portal.keys = [await published(pair.publicKey, alg, alg)];
    const idp = await addJwt();
    const payload = { ...claims(), aud: ['other', server.url] };
    const bare = await new SignJWT(payload).setProtectedHeader({ alg }).sign(pair.privateKey);
    for (const token of [bare, await sign(payload, { alg, kid: alg }, pair.privateKey)])
      expect((await bring(token, { idp })).parameters.token).toBeTruthy();
  }
});

describe('a token is refused', () => {
  const now = seconds(epoch);
  const wrong: [string, () => JWTPayload, RegExp][] = [
    ['of another issuer', () => ({ ...claims(), iss: 'portal2' }), /"iss"/],
    ['of no issuer', () => without('iss'), /"iss"/],
    ['for another audience', () => ({ ...claims(), aud: 'https://other.example.com' }), /"aud"/],
    ['for the audience of a longer URL', () => ({ ...claims(), aud: `${server.url}/` }), /"aud"/],
    ['for nobody', () => without('aud'), /"aud"/],
    ['for an empty list', () => ({ ...claims(), aud: [] }), /"aud"/],
    ['about nobody', () => without('sub'), /"sub"/],
    ['about an empty name', () => ({ ...claims(), sub: '' }), /\(sub\)/],
    ['without an end', () => without('exp'), /"exp"/],
    ['that has ended', () => ({ ...claims(), exp: now - 10 }), /"exp"/],
    ['without a beginning', () => without('iat'), /"iat"/],
    ['that begins later', () => ({ ...claims(), iat: now + 11 }), /"iat"/],
    ['that is not valid yet', () => ({ ...claims(), nbf: now + 11 }), /"nbf"/],
    ['that is old', () => ({ ...claims(), iat: now - 3611 }), /"iat"/],
  ];
  test.each(wrong)('%s', async (_, payload, problem) => {
    const refused = said(await bring(await sign(payload())));
    expect(refused).toMatch(problem);
    expect(refused).not.toContain('Ada-1');
  });

  test('whose algorithm is none, or one whose secret would be the public key', async () => {
    const [none, body] = [{ alg: 'none', typ: 'JWT', kid: 'one' }, claims()].map((part) =>
      base64url.encode(JSON.stringify(part)),
    );
    expect(said(await bring(`${none}.${body}.`))).toMatch(/^access_denied: .*"alg".* not allowed/);
    const pem = new TextEncoder().encode(await exportSPKI(publicKey));
    expect(said(await bring(await sign(claims(), { alg: 'HS256' }, pem)))).toMatch(/^access_denied: .*"alg".* not allowed/);
    const { kty, crv, x, y } = await exportJWK(publicKey);
    portal.keys = [{ kty: 'oct', k: base64url.encode(JSON.stringify({ kty, crv, x, y })), kid: 'one', alg: 'HS256' }];
    const jwk = new TextEncoder().encode(JSON.stringify({ kty, crv, x, y }));
    expect(said(await bring(await sign(claims(), { alg: 'HS256' }, jwk), { idp: await addJwt() }))).toMatch(
      /"alg".* not allowed/,
    );
  });

  test('that another key signed, whatever kid it names, or that brings its own', async () => {
    const other = await generateKeyPair('ES256');
    expect(said(await bring(await sign(claims(), {}, other.privateKey)))).toMatch(/^access_denied: .*signature/);
    expect(said(await bring(await sign(claims(), { kid: 'two' })))).toMatch(/^access_denied: /);
    const jwk = await exportJWK(other.publicKey);
    const own = await sign(claims(), { kid: 'two', jwk, jku: 'http://127.0.0.1:1/keys' }, other.privateKey);
    expect(said(await bring(own))).toMatch(/^access_denied: /);
    const [head, , signature] = (await sign()).split('.');
    const forged = base64url.encode(JSON.stringify({ ...claims(), sub: 'Root' }));
    expect(said(await bring(`${head}.${forged}.${signature}`))).toMatch(/^access_denied: .*signature/);
  });

  test('that was made for something else, or is none', async () => {
    for (const typ of ['at+jwt', 'logout+jwt', 'dpop+jwt']) {
      expect(said(await bring(await sign(claims(), { typ })))).toBe('access_denied: the token was refused: it is no JWT');
    }
    for (const token of ['x', 'a.b.c', `${await sign()}.x`, `${await sign()}, ${await sign()}`])
      expect(said(await bring(token))).toMatch(/^access_denied: /);
    expect(said(await bring(await sign(), { name: 'X-Other' }))).toBe(
      'access_denied: the token was refused: there is none in the header X-Portal-Token',
    );
  });

  test('in the URL, where it would stay in histories', async () => {
    const { url } = await begin(server, idpId);
    expect(said(await land(`${wayBack(url)}&${headerName}=${await sign()}&token=${await sign()}`))).toMatch(/^access_denied/);
  });

  test('with another browser’s name, and then the sign-in is over', async () => {
    const [{ url }, { url: other }] = [await begin(server, idpId), await begin(server, idpId)];
    const headers = { [headerName]: await sign() };
    for (const userAgentID of [other.searchParams.get('userAgentID') ?? '', ''])
      expect(said(await land(wayBack((await begin(server, idpId)).url, { userAgentID }), headers))).toMatch(/another browser/);
    expect(said(await land(wayBack(url, { userAgentID: 'x' }), headers))).toMatch(/another browser/);
    expect(await land(wayBack(url), headers)).toMatchObject({ status: 400, at: '' });
    expect(await land(wayBack(url, { authRequestID: 'nothing' }), headers)).toMatchObject({ status: 400, at: '' });
    expect(await land(wayBack(url, { authRequestID: '' }), headers)).toMatchObject({ status: 400, at: '' });
  });

  test('not for a difference of clocks', async () => {
    for (const change of [{ iat: now + 9 }, { exp: now - 9 }, { nbf: now + 9 }, { iat: now - 3600 }])
      expect((await bring(await sign({ ...claims(), ...change }))).at).toBe(success().origin + success().pathname);
  });
});

describe('the keys', () => {
  const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });

  test('are asked for once, then after ten minutes', async () => {
    for (let at = 0; at < 3; at++) expect((await bring(await sign())).parameters.token).toBeTruthy();
    expect(portal.asked).toBe(1);
    later(10 * 60_000 + 1);
    await bring(await sign());
    expect(portal.asked).toBe(2);
  });

  test('are asked for again when a token names another one, but not for every token', async () => {
    await bring(await sign());
    const next = await generateKeyPair('ES256');
    portal.keys = [await published(next.publicKey, 'two')];
    const rotated = () => sign(claims(), { kid: 'two' }, next.privateKey);
    expect(said(await bring(await rotated()))).toMatch(/^access_denied/);
    expect(portal.asked).toBe(1);
    later(30_001);
    expect((await bring(await rotated())).parameters.token).toBeTruthy();
    expect(portal.asked).toBe(2);
    expect(said(await bring(await sign()))).toMatch(/^access_denied/);
    expect(portal.asked).toBe(2);
  });

  test('that do not come, or are none, are the provider’s fault', async () => {
    const faults: [{ status: number; body: string }, RegExp][] = [
      [{ status: 503, body: '' }, /^temporarily_unavailable: /],
      [{ status: 404, body: '{"keys":[]}' }, /^server_error: /],
      [{ status: 200, body: 'no JSON' }, /^server_error: /],
      [{ status: 200, body: '{"keys":{}}' }, /^server_error: /],
      [{ status: 200, body: `{"keys":[],"x":"${'x'.repeat(2_000_000)}"}` }, /^(server_error|temporarily_unavailable): /],
    ];
    for (const [instead, told] of faults) {
      portal.instead = instead;
      expect(said(await bring(await sign(), { idp: await addJwt() }))).toMatch(told);
    }
    portal.instead = undefined;
    expect(said(await bring(await sign(), { idp: await addJwt('http://127.0.0.1:1/keys') }))).toMatch(/^temporarily_unavailable/);
    expect(said(await bring(await sign(), { idp: await addJwt('https://169.254.169.254/keys') }))).toMatch(
      /^temporarily_unavailable/,
    );
  });

  test('once there, serve a while without the provider', async () => {
    await bring(await sign());
    portal.instead = { status: 503, body: '' };
    expect((await bring(await sign())).parameters.token).toBeTruthy();
  });
});

test('a way back works once, and none of a provider that is gone', async () => {
  const headers = { [headerName]: await sign() };
  const { url } = await begin(server, idpId);
  expect((await land(wayBack(url), headers)).parameters.token).toBeTruthy();
  expect(await land(wayBack(url), headers)).toMatchObject({ status: 400, at: '' });
  const { url: left } = await begin(server, idpId);
  await server.as().admin.deleteProvider({ id: idpId });
  expect(await land(wayBack(left), headers)).toMatchObject({ status: 400, at: '' });
});

test('a provider that was switched off meanwhile ends the sign-in', async () => {
  const { url } = await begin(server, idpId);
  await server.sql`update identity_providers set state = 'inactive' where id = ${idpId}`;
  expect(said(await land(wayBack(url), { [headerName]: await sign() }))).toMatch(/^access_denied/);
  expect(portal.asked).toBe(0);
});

test('a token is in no table in plain', async () => {
  const token = await sign();
  const { parameters } = await bring(token);
  const [row] =
    await server.sql`select row_to_json(intents)::text || encode(result, 'escape') as text from intents where id = ${parameters.id ?? ''}`;
  expect(row?.text).toContain(idpId);
  for (const secret of [token, parameters.token ?? '']) expect(row?.text).not.toContain(secret);
});
