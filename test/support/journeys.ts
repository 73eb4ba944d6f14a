// Sign-ins at identity providers as a login page has them made, from the first call to the session.

import { unique } from './actors.ts';
import { clientId, clientSecret, signInAt, type TestProvider } from './oidcProvider.ts';
import type { TestServer } from './server.ts';

/** Where browsers are sent in the end. */
export const successUrl = ({ url }: TestServer) => `${url}/ui/done?from=idp`;
export const failureUrl = ({ url }: TestServer) => `${url}/ui/failed`;

interface Oidc {
  issuer?: string;
  clientId?: string;
  scopes?: string[];
  isIdTokenMapping?: boolean;
  usePkce?: boolean;
}

/** Tells the service of the provider. Returns the id. */
export async function addOidc(server: TestServer, { issuer }: { issuer: string }, options: Oidc = {}): Promise<string> {
  const provider = { name: unique('OpenID '), issuer, clientId, clientSecret, scopes: ['openid', 'profile', 'email', 'phone'] };
  const { id } = await server.as().admin.addGenericOIDCProvider({ ...provider, ...options });
  return id;
}

/** As a server that speaks OAuth 2.0 only. Returns the id. */
export async function addOauth(
  server: TestServer,
  { issuer }: { issuer: string },
  options: { scopes?: string[]; usePkce?: boolean; idAttribute?: string; userEndpoint?: string } = {},
): Promise<string> {
  const { id } = await server.as().admin.addGenericOAuthProvider({
    name: unique('OAuth '),
    clientId,
    clientSecret,
    authorizationEndpoint: `${issuer}/auth`,
    tokenEndpoint: `${issuer}/token`,
    userEndpoint: `${issuer}/account`,
    idAttribute: 'id',
    scopes: ['account'],
    ...options,
  });
  return id;
}

export const start = (server: TestServer, idpId: string, loginHint?: string) =>
  server.as().users.startIdentityProviderIntent({
    idpId,
    content: {
      case: 'urls',
      value: { successUrl: successUrl(server), failureUrl: failureUrl(server), ...(loginHint !== undefined && { loginHint }) },
    },
  });

/** Begins at a provider. */
export async function begin(server: TestServer, idpId: string, loginHint?: string): Promise<{ url: URL; id: string }> {
  const { nextStep } = await start(server, idpId, loginHint);
  if (nextStep.case !== 'authUrl') throw new Error(`no URL but ${nextStep.case}`);
  const url = new URL(nextStep.value);
  return { url, id: url.searchParams.get('state') ?? '' };
}

export interface Landing {
  status: number;
  /** Where to, without the query; empty: nowhere. */
  at: string;
  parameters: Record<string, string>;
}

/** The browser comes back. */
export async function land(callback: string, headers: Record<string, string> = {}): Promise<Landing> {
  const { status, headers: told } = await fetch(callback, { headers, redirect: 'manual' });
  const location = told.get('location');
  if (location === null) return { status, at: '', parameters: {} };
  const { origin, pathname, searchParams } = new URL(location);
  return { status, at: origin + pathname, parameters: Object.fromEntries(searchParams) };
}

/** The whole way. */
export async function journey(server: TestServer, idpId: string, login = unique('grace')): Promise<Landing> {
  const { url } = await begin(server, idpId);
  return land(await signInAt(url.href, login));
}

export interface Proof {
  idpIntentId: string;
  idpIntentToken: string;
}

/** The whole way, to its good end. */
export async function succeed(server: TestServer, idpId: string, login?: string): Promise<Proof> {
  const { at, parameters } = await journey(server, idpId, login);
  if (!successUrl(server).startsWith(`${at}?`)) throw new Error(`landed at ${at} with ${parameters.error_description}`);
  return { idpIntentId: parameters.id ?? '', idpIntentToken: parameters.token ?? '' };
}

/** A provider that answers whatever a test wants, until it is told otherwise. */
export async function during(provider: TestProvider, changes: Partial<TestProvider>, work: () => Promise<void>): Promise<void> {
  const before = { ...provider };
  Object.assign(provider, changes);
  await work().finally(() => Object.assign(provider, before));
}
