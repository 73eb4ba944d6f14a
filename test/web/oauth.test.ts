// What the endpoints of OAuth answer to requests that are not as they should be: the RFC's errors, and never a fault of ours.
import { beforeAll, describe, expect, test } from 'vitest';
import { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { TryLimits } from '../../src/kernel/networks.ts';
import { serveOauth } from '../../src/web/oauth/serveOauth.ts';
import { createHuman, tokenFor } from '../support/actors.ts';
import { closeWithFile } from '../support/closing.ts';
import { serve } from '../support/edge.ts';
import {
  askToken,
  basic,
  clientAssertion,
  createClient,
  issuer,
  jwtBearer,
  outcomeOf,
  post,
  sign,
  tokenBySecret,
} from '../support/oauth.ts';
import { startRelay } from '../support/relay.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const page = 'https://app.example.com';
let server: TestServer;
let client: Awaited<ReturnType<typeof createClient>>;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_CORS_ORIGINS: page, ROSTER_TRIES_PER_NETWORK: '1000000' } });
  client = await createClient(server, AccessTokenType.BEARER);
});

const grant = { grant_type: 'client_credentials' };
const megabyte = 'x'.repeat(1024 * 1024);

describe('a request for a token that cannot be read', () => {
  test.each<[string, Record<string, string> | string, string]>([
    ['without anything', {}, '400 invalid_request'],
    ['with an empty grant type', { grant_type: '' }, '400 invalid_request'],
    ['of an unknown grant type', { grant_type: 'password' }, '400 unsupported_grant_type'],
    ['of a grant type in another case', { grant_type: 'Client_Credentials' }, '400 unsupported_grant_type'],
    ['without a client', grant, '401 invalid_client'],
    ['with a client that shows nothing', { ...grant, client_id: 'somebody' }, '401 invalid_client'],
    ['with a secret of nobody', { ...grant, client_secret: 'x' }, '400 invalid_request'],
    ['without an assertion', { grant_type: jwtBearer }, '400 invalid_request'],
    ['with an assertion that is none', { grant_type: jwtBearer, assertion: 'x' }, '400 invalid_grant'],
    ['with parts that are none', { grant_type: jwtBearer, assertion: 'e30.e30.e30' }, '400 invalid_grant'],
    ['with parts that are no JSON', { grant_type: jwtBearer, assertion: '....' }, '400 invalid_grant'],
    ['with a list', { grant_type: jwtBearer, assertion: 'W10.W10.W10' }, '400 invalid_grant'],
    ['with null', { grant_type: jwtBearer, assertion: 'bnVsbA.bnVsbA.' }, '400 invalid_grant'],
    ['with five parts', { grant_type: jwtBearer, assertion: 'e30.e30.e30.e30.e30' }, '400 invalid_grant'],
    ['with an assertion of a megabyte', { grant_type: jwtBearer, assertion: megabyte }, '400 invalid_request'],
    ['with the same twice', 'grant_type=client_credentials&grant_type=client_credentials', '400 invalid_request'],
    ['with two scopes', 'grant_type=client_credentials&scope=a&scope=b', '400 invalid_request'],
    ['with NUL', 'grant_type=client_credentials&client_id=a%00&client_secret=b', '400 invalid_request'],
    [
      'with an unknown kind of assertion',
      { ...grant, client_assertion: 'e30.e30.e30', client_assertion_type: 'x' },
      '400 invalid_request',
    ],
    ['with an assertion of no kind', { ...grant, client_assertion: 'e30.e30.e30' }, '400 invalid_request'],
    [
      'with two ways',
      { ...grant, client_id: 'x', client_secret: 'y', client_assertion: 'z', client_assertion_type: clientAssertion },
      '400 invalid_request',
    ],
  ])('%s', async (_, form, expected) => {
    const told = await post(server, '/oauth/v2/token', form);
    expect(`${told.status} ${told.body.error}`).toBe(expected);
    expect(Object.keys(told.body).sort()).toEqual(['error', 'error_description']);
    expect(told.headers.get('cache-control')).toBe('no-store');
    expect(told.headers.get('content-type')).toBe('application/json');
    expect(told.headers.has('www-authenticate')).toBe(told.status === 401);
  });

  test.each<[string, Record<string, string>, string]>([
    ['in JSON', { 'content-type': 'application/json' }, '400 invalid_request'],
    ['compressed', { 'content-encoding': 'gzip' }, '400 invalid_request'],
    ['with Basic of no base64', { authorization: 'Basic ***' }, '401 invalid_client'],
    ['with Basic without a colon', { authorization: `Basic ${Buffer.from('x').toString('base64')}` }, '400 invalid_request'],
    [
      'with Basic of a bad escape',
      { authorization: `Basic ${Buffer.from('%E0%A4%A:x').toString('base64')}` },
      '400 invalid_request',
    ],
    ['with Basic and NUL', { authorization: `Basic ${Buffer.from('a%00:x').toString('base64')}` }, '400 invalid_request'],
    ['with Basic of nobody', { authorization: `Basic ${Buffer.from(':').toString('base64')}` }, '401 invalid_client'],
    ['with a token', { authorization: 'Bearer x' }, '401 invalid_client'],
  ])('%s', async (_, headers, expected) => {
    expect(await outcomeOf(post(server, '/oauth/v2/token', grant, headers))).toBe(expected);
  });

  test('with Basic and parameters at once, or a scope that is none', async () => {
    const { userId, secret } = client;
    const twice = { ...grant, client_id: userId, client_secret: secret };
    expect(await outcomeOf(askToken(server, twice, basic(userId, secret)))).toBe('400 invalid_request');
    for (const scope of ['a  b', ' a', 'a"b', 'ä', 'a\nb', 'x'.repeat(2001)]) {
      expect(await outcomeOf(askToken(server, { ...grant, scope }, basic(userId, secret)))).toBe('400 invalid_scope');
    }
    expect(await outcomeOf(askToken(server, { ...grant, audience: 'x', resource: 'y' }, basic(userId, secret)))).toBe('200');
  });

  test('in the URL', async () => {
    const { userId, secret } = client;
    const query = new URLSearchParams({ ...grant, client_id: userId, client_secret: secret });
    expect(await outcomeOf(post(server, `/oauth/v2/token?${query}`, ''))).toBe('400 invalid_request');
    const response = await fetch(`${server.address}/oauth/v2/token?${query}`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

test('what SDKs send along changes nothing', async () => {
  const assertion = await sign(client.key, epoch);
  const scope = 'openid urn:zitadel:iam:org:project:id:zitadel:aud';
  const told = await askToken(server, { grant_type: jwtBearer, assertion, scope, client_id: 'zitadel' });
  expect(told.body).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 43_200, scope });
});

test('an assertion that signs a client in is of the client that is named', async () => {
  const other = await createClient(server, AccessTokenType.BEARER);
  const signed = { client_assertion_type: clientAssertion, client_assertion: await sign(client.key, epoch) };
  const ask = (client_id: string) => outcomeOf(askToken(server, { ...grant, ...signed, client_id }));
  expect([await ask(client.userId), await ask(other.userId), await ask('')]).toEqual(['200', '401 invalid_client', '200']);
});

test('who asks about tokens is a service user, who names one', async () => {
  const bearer = { authorization: `Bearer ${server.token}` };
  expect(await outcomeOf(post(server, '/oauth/v2/introspect', {}, bearer))).toBe('400 invalid_request');
  expect((await post(server, '/oauth/v2/introspect', { token: megabyte.slice(0, 9000) }, bearer)).body).toEqual({
    active: false,
  });
  expect(await outcomeOf(post(server, '/oauth/v2/introspect', { token: megabyte }, bearer))).toBe('400 invalid_request');
  const person = { authorization: `Bearer ${await tokenFor(server, await createHuman(server))}` };
  expect(await outcomeOf(post(server, '/oauth/v2/introspect', { token: 'x' }, person))).toBe('401 invalid_token');
});

test('a network with too many wrong tries waits, and its right ones do not', async () => {
  const { tryLimits } = server.app;
  server.app.tryLimits = new TryLimits(2);
  const { userId, secret } = client;
  const ask = (text: string) => askToken(server, grant, basic(userId, text));
  const assertion = 'e30.e30.e30';
  const outcomes = [
    await outcomeOf(ask('a')),
    await outcomeOf(askToken(server, { grant_type: jwtBearer, assertion })),
    await outcomeOf(ask('b')),
  ];
  server.app.tryLimits = tryLimits;
  expect(outcomes).toEqual(['401 invalid_client', '400 invalid_grant', '429 temporarily_unavailable']);
  expect(await outcomeOf(ask(secret))).toBe('200');
});

test('while the database is away everybody is told to come later, nothing is used up, and nothing counts as a try', async () => {
  const between = await startRelay(closeWithFile);
  const url = new URL(server.database.url);
  const databasePort = Number(url.port);
  between.to(databasePort);
  url.port = String(between.port);
  const replica = await startServer({ beside: server, env: { DATABASE_URL: url.href } });
  replica.app.tryLimits = new TryLimits(1);
  const { userId, secret, key } = client;
  const once = { claims: { jti: 'once' } };
  const assertion = await sign(key, epoch, once);
  const signed = { client_assertion_type: clientAssertion, client_assertion: assertion };
  const token = await tokenBySecret(replica, userId, secret);

  await between.shut();
  const asked = {
    'a token by a secret': askToken(replica, grant, basic(userId, secret)),
    'a token by a wrong secret': askToken(replica, grant, basic(userId, 'wrong')),
    'a token by an assertion': askToken(replica, { grant_type: jwtBearer, assertion }),
    'a token by a signed client': askToken(replica, { ...grant, ...signed }),
    'of a token, by a secret': post(replica, '/oauth/v2/introspect', { token }, basic(userId, secret)),
    'of a token, by an assertion': post(replica, '/oauth/v2/introspect', { token, ...signed }),
    'of a token, by a token': post(replica, '/oauth/v2/introspect', { token }, { authorization: `Bearer ${token}` }),
    'of a token, by a wrong token': post(replica, '/oauth/v2/introspect', { token }, { authorization: 'Bearer wrong' }),
  };
  for (const [what, answer] of Object.entries(asked)) {
    const { status, body, headers } = await answer;
    const description = expect.stringMatching(/^The service cannot answer now; try again\. Request [0-9a-f-]{36}\.$/);
    expect([what, status, body]).toEqual([what, 503, { error: 'temporarily_unavailable', error_description: description }]);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.has('www-authenticate')).toBe(false);
  }
  const keys = await fetch(`${replica.address}/oauth/v2/keys`);
  expect([keys.status, keys.headers.get('cache-control')]).toEqual([503, 'no-store']);
  // What rests on no data is answered as ever.
  expect((await fetch(`${replica.address}/.well-known/openid-configuration`)).status).toBe(200);
  expect(await outcomeOf(askToken(replica, { grant_type: 'password' }))).toBe('400 unsupported_grant_type');

  // A way to the database that takes connections and ends them: the driver tries again and again, and tells nobody.
  between.to(1);
  await between.open();
  const { app } = replica;
  const { port } = await serve(serveOauth({ app, networkOf: () => 'here', maxTimeoutMs: 100 }, () => {}));
  const hasty = { address: `http://127.0.0.1:${port}` };
  const late = [
    outcomeOf(askToken(hasty, grant, basic(userId, secret))),
    outcomeOf(post(hasty, '/oauth/v2/introspect', { token }, basic(userId, secret))),
    fetch(`${hasty.address}/oauth/v2/keys`).then(({ status }) => String(status)),
  ];
  expect(await Promise.all(late)).toEqual(['504 temporarily_unavailable', '504 temporarily_unavailable', '504']);

  between.to(databasePort);
  const introspect = () => outcomeOf(post(replica, '/oauth/v2/introspect', { token }, basic(userId, secret)));
  await expect.poll(introspect, { timeout: 30_000, interval: 20 }).toBe('200');
  expect(await outcomeOf(askToken(replica, { grant_type: jwtBearer, assertion }))).toBe('200');
  const tries = [];
  for (let n = 0; n < 2; n++) tries.push(await outcomeOf(askToken(replica, grant, basic(userId, 'wrong'))));
  expect(tries).toEqual(['401 invalid_client', '429 temporarily_unavailable']);
});

describe('discovery', () => {
  const read = async (path: string, headers: Record<string, string> = {}) => fetch(`${server.address}${path}`, { headers });

  test('names what there is on the public URL, whatever host is asked', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const response = await read(path, { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' });
      const told = await response.json();
      expect(told).toMatchObject({ issuer, token_endpoint: `${issuer}/oauth/v2/token`, jwks_uri: `${issuer}/oauth/v2/keys` });
      expect(JSON.stringify(told)).not.toMatch(/evil|127\.0\.0\.1/);
    }
  });

  test('is for reading', async () => {
    for (const path of ['/.well-known/openid-configuration', '/oauth/v2/keys']) {
      expect((await fetch(`${server.address}${path}`, { method: 'POST' })).status).toBe(405);
      const head = await fetch(`${server.address}${path}`, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
      expect([head.headers.get('cache-control'), head.headers.get('pragma')]).toEqual(['public, max-age=300', null]);
    }
    expect(await (await read('/oauth/v2/authorize?response_type=code')).json()).toMatchObject({
      error: 'unsupported_response_type',
    });
    expect((await read('/oauth/v2/other')).status).toBe(404);
  });

  test('and tokens are for scripts of the pages that may call', async () => {
    const allowed = (response: Response) => response.headers.get('access-control-allow-origin');
    expect(allowed(await read('/oauth/v2/keys', { origin: page }))).toBe(page);
    expect(allowed(await read('/oauth/v2/keys', { origin: 'https://evil.example' }))).toBeNull();
    const preflight = {
      origin: page,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    expect(allowed(await fetch(`${server.address}/oauth/v2/token`, { method: 'OPTIONS', headers: preflight }))).toBe(page);
  });
});
