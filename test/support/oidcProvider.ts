// An identity provider on a loopback port: OpenID Connect, and for clients that ask for no `openid`, OAuth 2.0. Whoever types a
// name there is that person.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { type Context, interactionPolicy, Provider } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import { closeWithFile } from './closing.ts';

export const clientId = 'roster';
/** Of `client_secret_basic`, where the other one posts its secret. */
export const basicClientId = 'roster-basic';
export const clientSecret = 'secret-of-the-client:with/odd=letters';
/** Seconds for which access tokens are good. */
export const accessSeconds = 1800;

/** What the provider tells of somebody, by the names of OpenID Connect. */
export const claimsOf = (login: string) => ({
  name: 'Grace Hopper',
  given_name: 'Grace',
  family_name: 'Hopper',
  nickname: 'Amazing',
  preferred_username: login,
  locale: 'de-CH',
  email: `${login}@example.org`,
  email_verified: true,
  phone_number: '+41791234567',
  phone_number_verified: false,
});

/** As an OAuth 2.0 server's own endpoint tells it. */
export const accountOf = (login: string) => ({ id: 4_000_000 + login.length, login, name: 'Grace Hopper', email: null });

type Answering = (request: IncomingMessage, response: ServerResponse) => void;
type Altering = (idToken: string, sign: (claims: JWTPayload) => Promise<string>) => string | Promise<string>;

export interface TestProvider {
  issuer: string;
  /** Whatever came, as `METHOD /path`, oldest first. */
  requests: string[];
  /** How clients showed at the token endpoint who they are: the scheme, empty where the form said so. */
  schemes: string[];
  /** Answers to paths in place of the provider's own. */
  instead: Map<string, Answering>;
  /** What the description says beside the truth; undefined: leaves it out. */
  description: Record<string, unknown>;
  /** Changes ID tokens before they leave. */
  alter: Altering | undefined;
  /** Seconds that access tokens are said to last; undefined: nothing is said. */
  expires: number | undefined;
  /** Other keys from now on. */
  rotate(): Promise<void>;
  stop(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

export async function startProvider(redirectUri: string): Promise<TestProvider> {
  let current: { answer: Answering };
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    await ready;
    const [path = ''] = (request.url ?? '').split('?', 1);
    told.requests.push(`${request.method} ${path}`);
    if (path === '/token') told.schemes.push(request.headers.authorization?.split(' ', 1)[0] ?? '');
    (told.instead.get(path) ?? current.answer)(request, response);
  });
  let port = 0;
  const start = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = address !== null && typeof address === 'object' ? address.port : 0;
  };
  const stop = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  await start();
  closeWithFile(stop);
  const rotate = async () => {
    current = await openProvider(told, redirectUri);
  };
  const told: TestProvider = {
    issuer: `http://127.0.0.1:${port}`,
    requests: [],
    schemes: [],
    instead: new Map(),
    description: {},
    alter: undefined,
    expires: accessSeconds,
    rotate,
    stop,
    start,
  };
  await rotate();
  isReady();
  return told;
}

let keys = 0;

async function openProvider(told: TestProvider, redirectUri: string): Promise<{ answer: Answering }> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = `key-${++keys}`;
  const provider = new Provider(
    told.issuer,
    configurationOf(redirectUri, { ...(await exportJWK(privateKey)), alg: 'ES256', kid }),
  );
  const sign = (claims: JWTPayload) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  provider.use(async (context, next) => {
    await next();
    const { body } = context;
    if (typeof body !== 'object' || body === null) return;
    if (context.path === '/.well-known/openid-configuration') context.body = { ...body, ...told.description };
    if (context.path === '/token' && 'access_token' in body) {
      const altered = 'id_token' in body && typeof body.id_token === 'string' && (await told.alter?.(body.id_token, sign));
      context.body = { ...body, expires_in: told.expires, ...(altered && { id_token: altered }) };
    }
  });
  provider.use(account(provider));
  const answer = provider.callback();
  return {
    answer: (request, response) =>
      void (isInteraction(request) ? interact(provider, request, response) : answer(request, response)),
  };
}

const isInteraction = ({ url = '' }: IncomingMessage) => url.startsWith('/interaction/');

const configurationOf = (redirectUri: string, key: object) => {
  const client = { client_secret: clientSecret, redirect_uris: [redirectUri], id_token_signed_response_alg: 'ES256' };
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }));
  return {
    adapter: createMemoryAdapter(),
    jwks: { keys: [key] },
    clients: [
      { ...client, client_id: clientId, token_endpoint_auth_method: 'client_secret_post' },
      { ...client, client_id: basicClientId, token_endpoint_auth_method: 'client_secret_basic' },
    ],
    cookies: { keys: ['a key of the tests only'] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'nickname', 'preferred_username', 'locale'],
      email: ['email', 'email_verified'],
      phone: ['phone_number', 'phone_number_verified'],
    },
    scopes: ['openid', 'profile', 'email', 'phone', 'account'],
    conformIdTokenClaims: false,
    pkce: { required: () => false },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: async () => true,
    ttl: {
      AccessToken: accessSeconds,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 3600,
      Session: 3600,
    },
    findAccount: (_: unknown, login: string) => ({ accountId: login, claims: () => ({ sub: login, ...claimsOf(login) }) }),
    /** Whoever signs in consents. */
    loadExistingGrant: async ({ oidc }: Context) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope(oidc.params.scope ?? '');
      await grant.save();
      return grant;
    },
  };
};

/** What OAuth 2.0 leaves to each server: an endpoint that tells whose access token it is. */
const account = (provider: Provider) => async (context: Context, next: () => Promise<void>) => {
  if (context.path !== '/account') return next();
  const found = await provider.AccessToken.find(context.get('authorization').replace(/^Bearer /, ''));
  context.status = found ? 200 : 401;
  context.body = found ? accountOf(found.accountId) : {};
};

/** The page to sign in with: a name and two buttons. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    const { params } = await provider.interactionDetails(request, response);
    response.setHeader('content-type', 'text/html');
    response.end(`<form method="post"><input name="login" value="${params.login_hint ?? ''}">
      <button name="act" value="go">Sign in</button><button name="act" value="cancel">Cancel</button></form>`);
    return;
  }
  const form = new URLSearchParams(await text(request));
  const signedIn = { login: { accountId: form.get('login') }, select_account: {} };
  const canceled = { error: 'access_denied', error_description: 'Grace says: no, thanks' };
  await provider.interactionFinished(request, response, form.get('act') === 'cancel' ? canceled : signedIn);
}

/** Signs in, or cancels, as a browser does that shows no pages. Returns where it is sent back to. */
export async function signInAt(authUrl: string, login: string, act: 'go' | 'cancel' = 'go'): Promise<string> {
  const { origin } = new URL(authUrl);
  const cookies = new Map<string, string>();
  const visit = async (url: string, body?: URLSearchParams): Promise<string> => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const sent = { headers: { cookie }, redirect: 'manual' } as const;
    const answer = await fetch(url, body ? { ...sent, method: 'POST', body } : sent);
    for (const [name = '', value = ''] of answer.headers.getSetCookie().map((line) => line.split(/[=;]/)))
      cookies.set(name, value);
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${answer.status} ${url}: ${await answer.text()}`);
    return new URL(location, url).href;
  };
  const page = await visit(authUrl);
  // An answer at once: the provider refuses the request.
  if (!page.startsWith(`${origin}/interaction/`)) return page;
  return visit(await visit(page, new URLSearchParams({ login, act })));
}

export const claimsIn = (idToken: string): JWTPayload => decodeJwt(idToken);
