// Tokens of issuers elsewhere: whom they stand for, what is refused, and what an issuer that does not answer costs.
import { createSign, generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { createServer } from 'node:http';
import { ConnectError } from '@connectrpc/connect';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { authenticate } from '../../src/kernel/auth/authenticate.ts';
import { createHuman, createMachine, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let pairs: Record<'first' | 'second' | 'es', Awaited<ReturnType<typeof generateKeyPair>>>;
/** Shorter than RS256 allows. */
let weak: KeyPairKeyObjectResult;
let origin: string;
let shown: object[] = [];
let isAway = false;
let fetched: string[] = [];
const audience = 'https://roster.example.com/api';

const provider = createServer((request, response) => {
  fetched.push(request.url ?? '');
  response.statusCode = isAway ? 503 : 200;
  if (request.url?.startsWith('/garbled')) return void response.end('{"issuer": ');
  const isDiscovery = request.url?.endsWith('/openid-configuration');
  response.end(JSON.stringify(isDiscovery ? { issuer: `${origin}/found`, jwks_uri: `${origin}/found/keys` } : { keys: shown }));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const address = provider.address();
  if (typeof address !== 'object' || !address) throw new Error('the provider has no port');
  origin = `http://127.0.0.1:${address.port}`;
  pairs = { first: await generateKeyPair('RS256'), second: await generateKeyPair('RS256'), es: await generateKeyPair('ES256') };
  weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  shown = [
    { ...(await exportJWK(pairs.first.publicKey)), kid: 'first' },
    { ...(await exportJWK(pairs.es.publicKey)), kid: 'es' },
    { ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak' },
    { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' },
  ];
  const issuers = [
    { issuer: `${origin}/named`, jwksUri: `${origin}/named/keys`, audience },
    { issuer: `${origin}/found`, audience, claim: 'preferred_username', matches: 'username', algorithms: ['ES256'] },
    { issuer: `${origin}/garbled`, audience },
    // Its discovery document says that it is another one.
    { issuer: `${origin}/liar`, audience },
    // Who brings a token of ours is not asked elsewhere.
    { issuer: 'https://roster.example.com', jwksUri: `${origin}/named/keys`, audience },
    { issuer: `${origin}/away`, jwksUri: `${origin}/away/keys`, audience },
  ];
  server = await startServer({ env: { ROSTER_TRUSTED_ISSUERS: JSON.stringify(issuers), ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
});

afterAll(() => provider.close());
afterEach(() => {
  isAway = false;
  fetched = [];
});

interface Parts {
  claims?: Record<string, unknown>;
  header?: { alg?: string; kid?: string; typ?: string };
  pair?: keyof typeof pairs;
}

function sign(path: string, { claims = {}, header = {}, pair = 'first' }: Parts = {}): Promise<string> {
  const iat = epoch.getTime() / 1000;
  const all = JSON.parse(JSON.stringify({ iss: `${origin}/${path}`, aud: audience, iat, exp: iat + 60, ...claims }));
  return new SignJWT(all).setProtectedHeader({ alg: 'RS256', kid: pair, ...header }).sign(pairs[pair].privateKey);
}

/** The same claims, signed as no library would. */
function signWeakly(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'weak' })).toString('base64url');
  const text = `${header}.${token.split('.')[1]}`;
  return `${text}.${createSign('sha256').update(text).sign(weak.privateKey, 'base64url')}`;
}

const refused = 'Unauthenticated UNAUTHENTICATED';
const asked = (token: string, userId: string) => outcome(server.as(token).users.getUserByID({ userId }));

test('a token stands for the user that its claim names, by id or by username', async () => {
  const [machine, person] = [await createMachine(server), await createHuman(server, { username: unique('Ada') })];
  const byId = await sign('named', { claims: { sub: person } });
  expect(await asked(byId, person)).toBe('ok');
  expect(await asked(byId, machine)).toBe('NotFound USER_NOT_FOUND');
  const [{ username } = { username: '' }] = await server.sql<
    { username: string }[]
  >`select username from users where id = ${person}`;
  const byName = await sign('found', {
    claims: { preferred_username: username.toUpperCase() },
    header: { alg: 'ES256' },
    pair: 'es',
  });
  expect(await asked(byName, person)).toBe('ok');
  expect(await outcome(server.as(byName).users.listUsers({}))).toBe('ok');
  await server.as().users.deactivateUser({ userId: person });
  expect([await asked(byId, person), await asked(byName, person)]).toEqual([refused, refused]);
});

test('what is wrong with a token is refused', async () => {
  const sub = await createMachine(server);
  const iat = epoch.getTime() / 1000;
  expect(await asked(await sign('named', { claims: { sub } }), sub)).not.toBe(refused);
  const wrong = {
    nobody: sign('named', { claims: { sub: '404' } }),
    unnamed: sign('named'),
    number: sign('named', { claims: { sub: 7 } }),
    nul: sign('named', { claims: { sub: 'a\0' } }),
    expired: sign('named', { claims: { sub, iat: iat - 60, exp: iat - 10 } }),
    future: sign('named', { claims: { sub, iat: iat + 11 } }),
    old: sign('named', { claims: { sub, iat: iat - 86_411 } }),
    endless: sign('named', { claims: { sub, exp: undefined } }),
    beginless: sign('named', { claims: { sub, iat: undefined } }),
    elsewhere: sign('named', { claims: { sub, aud: 'https://roster.example.com' } }),
    audienceless: sign('named', { claims: { sub, aud: undefined } }),
    unknownIssuer: sign('unknown', { claims: { sub } }),
    noIssuer: sign('named', { claims: { sub, iss: undefined } }),
    ours: sign('named', { claims: { sub, iss: 'https://roster.example.com' } }),
    otherAlgorithm: sign('found', { claims: { preferred_username: sub } }),
    otherKey: sign('named', { claims: { sub }, pair: 'second', header: { kid: 'first' } }),
    weakKey: sign('named', { claims: { sub } }).then(signWeakly),
    brokenKey: sign('named', { claims: { sub }, header: { kid: 'broken', alg: 'ES256' }, pair: 'es' }),
    otherType: sign('named', { claims: { sub }, header: { typ: 'logout+jwt' } }),
    anotherIssuers: sign('found', { claims: { sub } }),
  };
  for (const [name, token] of Object.entries(wrong)) expect([name, await asked(await token, sub)]).toEqual([name, refused]);
});

test('keys that are not known make no flood of fetches, and an issuer that is away stops its own callers only', async () => {
  const sub = await createMachine(server);
  await asked(await sign('named', { claims: { sub } }), sub);
  fetched = [];
  for (let n = 0; n < 5; n++)
    expect(await asked(await sign('named', { claims: { sub }, header: { kid: `unknown ${n}` } }), sub)).toBe(refused);
  expect(fetched).toEqual([]);
  isAway = true;
  const token = await sign('away', { claims: { sub } });
  const outcomes = [];
  for (let n = 0; n < 5; n++) outcomes.push(await asked(token, sub));
  expect(new Set(outcomes)).toEqual(new Set(['Unavailable ISSUER_UNAVAILABLE']));
  expect(fetched).toEqual(['/away/keys']);
  const garbled = await sign('garbled', { claims: { sub } });
  const waiting = await Promise.all(Array.from({ length: 5 }, () => outcome(server.as(garbled).users.listUsers({}))));
  expect(new Set([...waiting, await asked(garbled, sub)])).toEqual(new Set(['Unavailable ISSUER_UNAVAILABLE']));
  expect(fetched).toEqual(['/away/keys', '/garbled/.well-known/openid-configuration']);
  // One error for each call: to a deprecated one more is added.
  const told = await Promise.allSettled(
    [1, 2].map(() => authenticate(server.app, { token: garbled, time: epoch, subject: sub })),
  );
  const reasons = told.map((one) => one.status === 'rejected' && one.reason);
  expect([reasons[0] instanceof ConnectError, reasons[0] === reasons[1]]).toEqual([true, false]);
  isAway = false;
  expect(await asked(await sign('liar', { claims: { sub } }), sub)).toBe('Unavailable ISSUER_UNAVAILABLE');
  expect(fetched.filter((url) => url.startsWith('/liar'))).toEqual(['/liar/.well-known/openid-configuration']);
  isAway = true;
  expect(await asked(server.token, sub)).toBe('ok');
  expect(await asked(await sign('named', { claims: { sub } }), sub)).not.toBe(refused);
});
