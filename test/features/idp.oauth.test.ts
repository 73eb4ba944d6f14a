// Sign-ins at OAuth 2.0 and OpenID Connect providers: a real provider, what it may answer, and what is made of it.
import { decodeProtectedHeader, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { pino } from 'pino';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { answerMs } from '../../src/features/idp/protocols/fetching.ts';
import { unique } from '../support/actors.ts';
import { launchBrowser } from '../support/browser.ts';
import { outcome } from '../support/errors.ts';
import { addOauth, addOidc, begin, during, failureUrl, type Landing, land, start, succeed } from '../support/journeys.ts';
import {
  accessSeconds,
  accountOf,
  basicClientId,
  claimsIn,
  claimsOf,
  clientId,
  clientSecret,
  signInAt,
  startProvider,
  type TestProvider,
} from '../support/oidcProvider.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { visitor } from '../support/visitor.ts';

let server: TestServer;
let provider: TestProvider;
let browser: Browser;

beforeAll(async () => {
  // The public URL is then where it listens.
  server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
  provider = await startProvider(`${server.url}/idps/callback`);
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const description = '/.well-known/openid-configuration';

const retrieve = (proof: { idpIntentId: string; idpIntentToken: string }) =>
  server.as().users.retrieveIdentityProviderIntent(proof);

/** The tokens that came with a sign-in. */
async function tokensOf(proof: { idpIntentId: string; idpIntentToken: string }) {
  const { idpInformation } = await retrieve(proof);
  if (idpInformation?.access.case !== 'oauth') throw new Error('no tokens');
  return idpInformation.access.value;
}

/** How a journey that began with that id ends badly. */
const failed = (id: string, error: string, about: string): Landing => ({
  status: 303,
  at: failureUrl(server),
  parameters: { id, error, error_description: about },
});

/** Begins, signs in and comes back, whatever happens on the way back. */
async function returnFrom(
  idp: string,
  before: (callback: string) => unknown = () => {},
): Promise<{ id: string; landing: Landing }> {
  const { id, url } = await begin(server, idp);
  const callback = await signInAt(url.href, unique('grace'));
  await before(callback);
  return { id, landing: await land(callback) };
}

const answerWrong = 'the provider did not answer as it should';
const noAnswer = 'the provider cannot be reached';

describe('in a browser', () => {
  for (const [name, add] of [
    ['OpenID Connect', addOidc],
    ['OAuth 2.0', addOauth],
  ] as const) {
    test(`${name}: from the first call over the provider’s pages to the account`, async () => {
      const { page } = await visitor(browser);
      const login = unique('grace');
      const { url, id } = await begin(server, await add(server, provider));
      await page.goto(url.href);
      await page.locator('input').fill(login);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL(`${server.url}/ui/done?**`);
      const { searchParams } = new URL(page.url());
      expect([...searchParams.keys()]).toEqual(['from', 'id', 'token']);
      expect(searchParams.get('id')).toBe(id);
      const { idpInformation } = await retrieve({ idpIntentId: id, idpIntentToken: searchParams.get('token') ?? '' });
      expect(idpInformation?.userName).toBe(login);
    });
  }
});

describe('the way there', () => {
  const common = () => ({
    client_id: clientId,
    prompt: 'select_account',
    redirect_uri: `${server.url}/idps/callback`,
    response_type: 'code',
  });
  const random = (bytes: number) => expect.stringMatching(new RegExp(`^[\\w-]{${Math.ceil((bytes * 4) / 3)}}$`));

  test('of OpenID Connect: nonce, scopes and state; with PKCE its challenge, with a hint the hint', async () => {
    const scopes = { scope: 'openid profile email phone' };
    const plain = await begin(server, await addOidc(server, provider));
    expect(plain.url.origin + plain.url.pathname).toBe(`${provider.issuer}/auth`);
    const parameters = { ...common(), ...scopes, nonce: random(16), state: plain.id };
    expect(Object.fromEntries(plain.url.searchParams)).toEqual(parameters);
    const hinted = await begin(server, await addOidc(server, provider, { usePkce: true }), 'grace@example.org');
    expect(Object.fromEntries(hinted.url.searchParams)).toEqual({
      ...parameters,
      state: hinted.id,
      code_challenge: random(32),
      code_challenge_method: 'S256',
      login_hint: 'grace@example.org',
    });
    expect(hinted.url.searchParams.get('nonce')).not.toBe(plain.url.searchParams.get('nonce'));
    const standard = await begin(server, await addOidc(server, provider, { scopes: [] }));
    expect(standard.url.searchParams.get('scope')).toBe('openid profile email');
  });

  test('of OAuth 2.0: no nonce', async () => {
    const { url, id } = await begin(server, await addOauth(server, provider));
    expect(Object.fromEntries(url.searchParams)).toEqual({ ...common(), scope: 'account', state: id });
    const { url: pkce } = await begin(server, await addOauth(server, provider, { usePkce: true }));
    expect([...pkce.searchParams.keys()]).toEqual(expect.arrayContaining(['code_challenge', 'code_challenge_method']));
  });

  test('comes back to the public URL, whatever a request says of its host', async () => {
    const idpId = await addOidc(server, provider);
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
    };
    const urls = { successUrl: `${server.url}/done`, failureUrl: `${server.url}/failed` };
    const { nextStep } = await server
      .as(server.token, { headers })
      .users.startIdentityProviderIntent({ idpId, content: { case: 'urls', value: urls } });
    const url = new URL(String(nextStep.value));
    expect(url.searchParams.get('redirect_uri')).toBe(`${server.url}/idps/callback`);
    const landing = await land(await signInAt(url.href, unique('grace')), headers);
    expect(landing.at).toBe(urls.successUrl);
  });
});

describe('what a provider tells', () => {
  test('by OpenID Connect comes from where the person is described, with PKCE and without', async () => {
    for (const usePkce of [false, true]) {
      const login = unique('grace');
      provider.requests.length = 0;
      const proof = await succeed(server, await addOidc(server, provider, { usePkce }), login);
      const { idpInformation } = await retrieve(proof);
      expect(idpInformation).toMatchObject({
        userId: login,
        userName: login,
        rawInformation: { sub: login, ...claimsOf(login) },
      });
      const tokens = await tokensOf(proof);
      expect(claimsIn(tokens.idToken ?? '')).toMatchObject({ sub: login, aud: clientId, iss: provider.issuer });
      expect([tokens.accessToken, tokens.refreshToken]).toEqual([expect.stringMatching(/.{20}/), expect.stringMatching(/.{20}/)]);
      expect(provider.requests.slice(-4)).toEqual([`GET ${description}`, 'POST /token', 'GET /jwks', 'GET /me']);
    }
  });

  test('comes from the ID token where the provider is set so', async () => {
    const login = unique('grace');
    provider.requests.length = 0;
    const { idpInformation } = await retrieve(
      await succeed(server, await addOidc(server, provider, { isIdTokenMapping: true }), login),
    );
    expect(idpInformation?.userId).toBe(login);
    expect(idpInformation?.rawInformation).toMatchObject({ iss: provider.issuer, aud: clientId, sub: login, ...claimsOf(login) });
    expect(provider.requests).not.toContain('GET /me');
  });

  test('by OAuth 2.0 comes from its own endpoint, the id from the field that was named', async () => {
    const login = unique('grace');
    const account = accountOf(login);
    const { idpInformation } = await retrieve(await succeed(server, await addOauth(server, provider), login));
    expect(idpInformation).toMatchObject({ userId: String(account.id), userName: login, rawInformation: account });
    const named = await addOauth(server, provider, { idAttribute: 'login', usePkce: true });
    expect((await retrieve(await succeed(server, named, login))).idpInformation?.userId).toBe(login);
    const { id, landing } = await returnFrom(await addOauth(server, provider, { idAttribute: 'email' }));
    expect(landing).toEqual(failed(id, 'server_error', "the provider did not tell the account's id (email)"));
  });

  test('by OAuth 2.0 has no ID token, even if one comes along: nothing says whose it is', async () => {
    await during(provider, { alter: () => 'no.id.token' }, async () => {
      const proof = await succeed(server, await addOauth(server, provider, { scopes: ['openid', 'account'] }));
      expect((await tokensOf(proof)).idToken).toBeUndefined();
    });
  });

  test('ends when its access token does', async () => {
    const idp = await addOidc(server, provider);
    const { idpIntentId } = await succeed(server, idp);
    const [row] = await server.sql<{ ends: Date }[]>`select expires_at as ends from intents where id = ${idpIntentId}`;
    expect(row?.ends.getTime()).toBe(server.app.clock().getTime() + accessSeconds * 1000);
  });

  test('to a client that shows its secret as the provider says, by the Basic scheme where it says nothing', async () => {
    const [posting, basic] = [await addOidc(server, provider), await addOidc(server, provider, { clientId: basicClientId })];
    const journeyWhere = (methods: string[] | undefined, idp: string) =>
      during(provider, { description: { token_endpoint_auth_methods_supported: methods } }, async () => {
        await succeed(server, idp);
      });
    provider.schemes.length = 0;
    await journeyWhere(['client_secret_basic', 'client_secret_post'], posting);
    await journeyWhere(['client_secret_basic'], basic);
    await journeyWhere(undefined, basic);
    expect(provider.schemes).toEqual(['', 'Basic', 'Basic']);
  });
});

describe('an ID token is refused', () => {
  let idp: string;
  beforeAll(async () => {
    idp = await addOidc(server, provider, { isIdTokenMapping: true });
  });
  const now = () => Math.floor(Date.now() / 1000);
  const without = (claims: JWTPayload, name: string): JWTPayload =>
    Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
  const changed =
    (change: (claims: JWTPayload) => JWTPayload): TestProvider['alter'] =>
    async (token, sign) =>
      sign(change(claimsIn(token)));
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  const wrong: Record<string, TestProvider['alter']> = {
    'with claims that were not signed': (token) => {
      const [header, , signature] = token.split('.');
      return [header, encoded({ ...claimsIn(token), sub: 'somebody else' }), signature].join('.');
    },
    'signed by somebody else': async (token) => {
      const { privateKey } = await generateKeyPair('ES256');
      const header = { ...decodeProtectedHeader(token), alg: 'ES256' };
      return new SignJWT(claimsIn(token)).setProtectedHeader(header).sign(privateKey);
    },
    'signed by nobody': (token) => `${encoded({ alg: 'none' })}.${encoded(claimsIn(token))}.`,
    'signed with the secret': (token) =>
      new SignJWT(claimsIn(token)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(clientSecret)),
    'for another client': changed((claims) => ({ ...claims, aud: 'somebody' })),
    'for several clients, and given to another one': changed((claims) => ({ ...claims, aud: [clientId, 'x'], azp: 'x' })),
    'of another issuer': changed((claims) => ({ ...claims, iss: 'https://accounts.example' })),
    'with another nonce': changed((claims) => ({ ...claims, nonce: 'another' })),
    'without a nonce': changed((claims) => without(claims, 'nonce')),
    'that has expired': changed((claims) => ({ ...claims, exp: now() - 60 })),
    'that never expires': changed((claims) => without(claims, 'exp')),
    'that begins later': changed((claims) => ({ ...claims, nbf: now() + 120 })),
    'of nobody': changed((claims) => without(claims, 'sub')),
    'that is none': () => 'none',
  };
  for (const [name, alter] of Object.entries(wrong)) {
    test(name, () =>
      during(provider, { alter }, async () => {
        const { id, landing } = await returnFrom(idp);
        expect(landing).toEqual(failed(id, 'server_error', answerWrong));
      }),
    );
  }

  test('but one for several clients is taken, and one of a clock that goes a little wrong', async () => {
    for (const alter of [
      changed((claims) => ({ ...claims, aud: [clientId, 'x'], azp: clientId })),
      changed((claims) => ({ ...claims, exp: now() - 10 })),
      changed((claims) => ({ ...claims, nbf: now() + 10 })),
    ]) {
      await during(provider, { alter }, async () => void (await succeed(server, idp)));
    }
  });

  test('and one of keys that are new since the last sign-in is taken', async () => {
    await succeed(server, idp);
    const { url } = await begin(server, idp);
    await provider.rotate();
    expect((await land(await signInAt(url.href, 'grace'))).parameters.token).toBeDefined();
  });
});

describe('an answer is refused', () => {
  test('when the person is another one than in the ID token', async () => {
    const idp = await addOidc(server, provider);
    const instead = new Map([['/me', json({ sub: 'mallory' })]]);
    await during(provider, { instead }, async () => {
      const { id, landing } = await returnFrom(idp);
      expect(landing).toEqual(failed(id, 'server_error', answerWrong));
    });
  });

  test('when it is of another issuer than the one that was asked: the code goes nowhere (RFC 9207)', async () => {
    for (const idp of [await addOidc(server, provider), await addOauth(server, provider)]) {
      const { id, url } = await begin(server, idp);
      const callback = new URL(await signInAt(url.href, 'grace'));
      expect(callback.searchParams.get('iss')).toBe(provider.issuer);
      callback.searchParams.set('iss', 'https://honest.example');
      provider.requests.length = 0;
      expect(await land(callback.href)).toEqual(failed(id, 'server_error', answerWrong));
      expect(provider.requests).not.toContain('POST /token');
    }
  });

  test('when the code is made up, or named twice', async () => {
    const idp = await addOidc(server, provider);
    const { id } = await begin(server, idp);
    const callback = `${server.url}/idps/callback?state=${id}&iss=${provider.issuer}&code=made-up`;
    expect(await land(callback)).toEqual(failed(id, 'server_error', answerWrong));
    const again = await begin(server, idp);
    expect(await land(`${callback.replace(id, again.id)}&code=twice`)).toEqual(failed(again.id, 'server_error', answerWrong));
  });
});

describe('whoever is sent back without having signed in', () => {
  test('is sent to the failure URL, with the code of the provider and words of ours', async () => {
    for (const idp of [await addOidc(server, provider), await addOauth(server, provider)]) {
      const { id, url } = await begin(server, idp);
      const callback = await signInAt(url.href, 'grace', 'cancel');
      expect(new URL(callback).searchParams.get('error_description')).toBe('Grace says: no, thanks');
      expect(await land(callback)).toEqual(failed(id, 'access_denied', 'the provider refused'));
    }
  });

  test('brings no words along that would be shown on', async () => {
    const idp = await addOauth(server, provider);
    for (const error of ['Your account is hacked, call 0900', '<script>', 'x'.repeat(100), '']) {
      const { id } = await begin(server, idp);
      const answer = new URLSearchParams({
        state: id,
        error,
        error_description: '<b>evil</b>',
        error_uri: 'https://evil.example',
      });
      const landing = await land(`${server.url}/idps/callback?${answer}`);
      expect(landing).toEqual(failed(id, 'server_error', error === '' ? answerWrong : 'the provider refused'));
    }
  });
});

const json =
  (value: unknown): NonNullable<ReturnType<TestProvider['instead']['get']>> =>
  (_, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(value));

describe('a provider', () => {
  const unavailable = 'Unavailable PROVIDER_UNAVAILABLE';
  const wrong = 'FailedPrecondition PROVIDER_ANSWER_WRONG';

  test('that is down is UNAVAILABLE at the start, and at the end a failure to try again', async () => {
    const [oidc, oauth] = [await addOidc(server, provider), await addOauth(server, provider)];
    const starts = [await returnFrom(oidc, provider.stop)];
    expect(await outcome(start(server, oidc))).toBe(unavailable);
    await provider.start();
    starts.push(await returnFrom(oauth, provider.stop));
    await provider.start();
    for (const { id, landing } of starts) expect(landing).toEqual(failed(id, 'temporarily_unavailable', noAnswer));
    await succeed(server, oidc);
  });

  test('that never answers, or never to the end, is waited for so long and no longer', async () => {
    const idp = await addOidc(server, provider);
    const real = AbortSignal.timeout.bind(AbortSignal);
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => real(ms / 50));
    onTestFinished(() => timeout.mockRestore());
    const silences: Parameters<TestProvider['instead']['set']>[1][] = [() => {}, (_, response) => void response.write('{')];
    for (const silence of silences) {
      await during(provider, { instead: new Map([[description, silence]]) }, async () => {
        expect(await outcome(start(server, idp))).toBe(unavailable);
      });
      for (const path of ['/token', '/jwks', '/me']) {
        await during(provider, { instead: new Map([[path, silence]]) }, async () => {
          const { id, landing } = await returnFrom(idp);
          expect(landing).toEqual(failed(id, 'temporarily_unavailable', noAnswer));
        });
      }
    }
    expect(timeout.mock.calls.map(([ms]) => ms)).toContain(answerMs);
  });

  const descriptions: [string, string, () => NonNullable<ReturnType<TestProvider['instead']['get']>>][] = [
    ['answers 2 MB', unavailable, () => json({ issuer: provider.issuer, text: 'x'.repeat(2 * 1024 * 1024) })],
    ['is overloaded', unavailable, () => (_, response) => response.writeHead(503).end()],
    ['hangs up', unavailable, () => (request) => request.socket.destroy()],
    ['has no description', wrong, () => (_, response) => response.writeHead(404).end()],
    ['answers no JSON', wrong, () => (_, response) => response.setHeader('content-type', 'application/json').end('<html>')],
    [
      'is of another issuer',
      wrong,
      () => json({ issuer: 'https://other.example', authorization_endpoint: 'https://other.example' }),
    ],
    ['names no issuer', wrong, () => json({})],
    ['leads to a script', wrong, () => json({ issuer: provider.issuer, authorization_endpoint: 'javascript:alert(1)' })],
  ];
  for (const [name, told, answer] of descriptions) {
    test(`that ${name} is ${told} at the start`, async () => {
      const idp = await addOidc(server, provider);
      await during(provider, { instead: new Map([[description, answer()]]) }, async () => {
        expect(await outcome(start(server, idp))).toBe(told);
      });
    });
  }

  test('that redirects is not followed', async () => {
    const idp = await addOidc(server, provider);
    for (const path of [description, '/token', '/me']) {
      provider.requests.length = 0;
      const elsewhere: Parameters<TestProvider['instead']['set']>[1] = (_, response) =>
        response.writeHead(307, { location: `${provider.issuer}/elsewhere` }).end();
      await during(provider, { instead: new Map([[path, elsewhere]]) }, async () => {
        if (path === description) expect(await outcome(start(server, idp))).toBe(wrong);
        else expect((await returnFrom(idp)).landing.parameters.error).toBe('server_error');
      });
      expect(provider.requests).not.toContain('GET /elsewhere');
      expect(provider.requests).not.toContain('POST /elsewhere');
    }
  });

  test('may be named by the address of its description; the issuer counts all the same', async () => {
    await succeed(server, await addOidc(server, provider, { issuer: `${provider.issuer}${description}` }));
    const other = await addOidc(server, provider, { issuer: `${provider.issuer}/tenant${description}` });
    await during(provider, { instead: new Map([[`/tenant${description}`, json({ issuer: provider.issuer })]]) }, async () => {
      expect(await outcome(start(server, other))).toBe(wrong);
    });
    const hidden = await addOidc(server, provider, { issuer: `${provider.issuer}/.well-known/other` });
    const { issuer } = provider;
    const whole = {
      issuer: 'https://other.example',
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
    };
    await during(provider, { instead: new Map([['/.well-known/other', json(whole)]]) }, async () => {
      expect(await outcome(start(server, hidden))).toBe(wrong);
    });
  });

  test('at a private address is not asked unless the configuration allows it, and leads to no other', async () => {
    const strict = await startServer({ env: { ROSTER_PUBLIC_URL: '' } });
    const idp = await addOidc(strict, provider);
    provider.requests.length = 0;
    expect(await outcome(start(strict, idp))).toBe(unavailable);
    expect(provider.requests).toEqual([]);
    const inside = await addOidc(server, provider);
    for (const host of ['169.254.169.254', '127.0.0.2']) {
      await during(provider, { description: { token_endpoint: `http://${host}/token` } }, async () => {
        const { id, landing } = await returnFrom(inside);
        expect(landing).toEqual(failed(id, 'temporarily_unavailable', noAnswer));
      });
    }
  });

  test('with TLS leads nowhere without it', async () => {
    const oauth = await addOauth(server, { issuer: provider.issuer });
    await server.sql`update identity_providers
      set config = jsonb_set(config, '{tokenEndpoint}', '"https://127.0.0.1/token"') where id = ${oauth}`;
    expect(await outcome(start(server, oauth))).toBe(wrong);
  });
});

test('no line of the log holds a token, a code or a secret, whatever goes wrong', async () => {
  const lines: string[] = [];
  const { log } = server.app;
  const stream: unknown = Reflect.get(log, pino.symbols.streamSym);
  Reflect.set(log, pino.symbols.streamSym, { write: (line: string) => lines.push(line) });
  log.level = 'trace';
  onTestFinished(() => {
    log.level = 'silent';
    Reflect.set(log, pino.symbols.streamSym, stream);
  });
  const secrets: string[] = [clientSecret, encodeURIComponent(clientSecret)];
  const keep = (callback: string) => secrets.push(new URL(callback).searchParams.get('code') ?? 'no code');
  const idp = await addOidc(server, provider, { usePkce: true });
  const proof = await succeed(server, idp);
  const { accessToken, idToken = '', refreshToken = '' } = await tokensOf(proof);
  secrets.push(proof.idpIntentToken, accessToken, idToken, refreshToken);
  const instead = (answer: string, status = 200) =>
    new Map([
      [
        '/token',
        (_: unknown, response: Parameters<Parameters<TestProvider['instead']['set']>[1]>[1]) =>
          void response.writeHead(status, { 'content-type': 'application/json' }).end(answer),
      ],
    ]);
  for (const [answer, status] of [
    ['secret-token', 200],
    ['access_token=secret-token&token_type=bearer', 200],
    ['{"access_token":"secret-token","token_type":"odd"}', 200],
    ['{"error":"invalid_grant","error_description":"secret-token"}', 400],
    ['secret-token', 503],
  ] as const) {
    await during(provider, { instead: instead(answer, status) }, async () => void (await returnFrom(idp, keep)));
  }
  const alter = async (token: string) => {
    secrets.push(token);
    return `${token}x`;
  };
  await during(provider, { alter }, async () => void (await returnFrom(idp, keep)));
  await returnFrom(await addOauth(server, provider, { idAttribute: 'none' }), keep);
  const { id } = await begin(server, idp);
  const asked = {
    state: id,
    iss: provider.issuer,
    error: 'invalid_request',
    error_description: 'unsupported prompt: \u001b[31mnone',
  };
  await land(`${server.url}/idps/callback?${new URLSearchParams(asked)}`);
  const text = lines.join('');
  const failures = lines.filter((line) => line.includes('a sign-in at a provider failed'));
  expect(failures.length).toBe(8);
  // Whoever set the provider up finds out what is wrong.
  expect(failures.filter((line) => line.includes('"level":40')).map((line) => /the provider says [^"]*/.exec(line)?.[0])).toEqual(
    expect.arrayContaining(['the provider says invalid_grant', 'the provider says invalid_request: unsupported prompt: 31mnone']),
  );
  for (const secret of [...secrets, 'secret-t', 'secret-token']) expect(text).not.toContain(secret);
});
