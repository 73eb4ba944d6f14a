// OAuth 2.0 (RFC 6749) and OpenID Connect, by openid-client: discovery, PKCE, state, nonce and issuer are checked there.
import { randomBytes } from 'node:crypto';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  fetchUserInfo,
  skipSubjectCheck,
} from 'openid-client';
import type { App } from '../../../kernel/call.ts';
import type { ProviderConfig } from '../../../kernel/db/providerConfig.ts';
import { type Begun, emptyProfile, type Identity, type Profile, ProviderRefusal } from '../identity.ts';
import { callbackPath } from '../paths.ts';
import type { ProviderRow } from '../repository.ts';
import { secretOf } from '../secrets.ts';
import { away, isJsonObject, providerFetch, textIn } from './fetching.ts';
import type { Beginning, Ending } from './protocols.ts';

type OauthConfig = Extract<ProviderConfig, { type: 'oidc' | 'oauth' | 'google' | 'github' }>;

/** What differs between the kinds. */
interface Kind {
  /** Found by discovery; undefined where the endpoints are given. */
  issuer?: string;
  endpoints?: { authorization: string; token: string };
  /** Where the person is described; undefined where the ID token, or discovery, says so. */
  userEndpoint?: string;
  scopes: readonly string[];
  pkce: boolean;
  idAttribute: string;
  fromIdToken: boolean;
}

const openid = ['openid', 'profile', 'email'];

function kindOf(config: OauthConfig): Kind {
  const scopes = (standard: readonly string[]) => (config.scopes.length > 0 ? config.scopes : standard);
  switch (config.type) {
    case 'oidc': {
      const { issuer, pkce, fromIdToken } = config;
      return { issuer, scopes: scopes(openid), pkce, idAttribute: 'sub', fromIdToken };
    }
    case 'google':
      return {
        issuer: 'https://accounts.google.com',
        scopes: scopes(openid),
        pkce: true,
        idAttribute: 'sub',
        fromIdToken: false,
      };
    case 'oauth': {
      const endpoints = { authorization: config.authorizationEndpoint, token: config.tokenEndpoint };
      const { userEndpoint, pkce, idAttribute } = config;
      return { endpoints, userEndpoint, scopes: scopes([]), pkce, idAttribute, fromIdToken: false };
    }
    case 'github':
      return {
        endpoints: {
          authorization: 'https://github.com/login/oauth/authorize',
          token: 'https://github.com/login/oauth/access_token',
        },
        userEndpoint: 'https://api.github.com/user',
        scopes: scopes(['read:user', 'user:email']),
        pkce: true,
        idAttribute: 'id',
        fromIdToken: false,
      };
  }
}

/** Asks for the provider's description each time: keys and endpoints move, and it is cheap beside a person who types. */
async function configurationOf(app: App, provider: ProviderRow, { clientId }: OauthConfig, kind: Kind): Promise<Configuration> {
  const secret = secretOf(app, provider);
  const fetching = providerFetch(app);
  if (kind.issuer !== undefined) {
    // What may be spoken to without TLS is decided where the connection is made.
    const options = { execute: [allowInsecureRequests], [customFetch]: fetching };
    const metadata = { client_secret: secret };
    return away(discovery(new URL(kind.issuer), clientId, metadata, ClientSecretPost(secret), options));
  }
  const { authorization = '', token = '' } = kind.endpoints ?? {};
  const server = { issuer: new URL(token).origin, authorization_endpoint: authorization, token_endpoint: token };
  const made = new Configuration(server, clientId, { client_secret: secret }, ClientSecretPost(secret));
  made[customFetch] = fetching;
  allowInsecureRequests(made);
  return made;
}

const redirectUri = ({ settings }: Pick<App, 'settings'>): string => `${settings.publicUrl}${callbackPath}`;

export async function beginOauth(app: App, provider: ProviderRow, config: OauthConfig, beginning: Beginning): Promise<Begun> {
  const kind = kindOf(config);
  const configuration = await configurationOf(app, provider, config, kind);
  const verifier = kind.pkce ? randomBytes(32).toString('base64url') : '';
  const nonce = kind.issuer === undefined ? '' : randomBytes(16).toString('base64url');
  const parameters: Record<string, string> = {
    redirect_uri: redirectUri(app),
    prompt: 'select_account',
    scope: kind.scopes.join(' '),
    state: beginning.id,
    ...(nonce !== '' && { nonce }),
    ...(verifier !== '' && {
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }),
    ...(beginning.loginHint !== '' && { login_hint: beginning.loginHint }),
  };
  const url = buildAuthorizationUrl(configuration, parameters);
  return { journey: { kind: 'redirect', url: url.href }, expected: { verifier, nonce } };
}

export async function finishOauth(
  app: App,
  provider: ProviderRow,
  config: OauthConfig,
  { id, expected, answer }: Ending,
): Promise<Identity> {
  const kind = kindOf(config);
  const configuration = await configurationOf(app, provider, config, kind);
  const url = new URL(redirectUri(app));
  url.search = answer.parameters.toString();
  const { verifier = '', nonce = '' } = expected;
  const tokens = await away(
    authorizationCodeGrant(configuration, url, {
      expectedState: id,
      ...(nonce !== '' && { expectedNonce: nonce, idTokenExpected: true }),
      ...(verifier !== '' && { pkceCodeVerifier: verifier }),
    }),
  ).catch((error: unknown) => {
    if (error instanceof AuthorizationResponseError)
      throw new ProviderRefusal(error.error, 'the provider refused', { cause: error });
    throw error;
  });
  const claims = tokens.claims();
  const raw =
    kind.fromIdToken && claims ? plain(claims) : await userOf(app, configuration, kind, tokens.access_token, claims?.sub);
  const externalId = idIn(raw, kind.idAttribute);
  const profile = profileOf(raw);
  return {
    externalId,
    userName: profile.preferredUsername || profile.email || externalId,
    profile,
    raw,
    access: {
      kind: 'oauth',
      accessToken: tokens.access_token,
      idToken: tokens.id_token,
      refreshToken: tokens.refresh_token,
    },
  };
}

/** What the provider says of the person whose access token it is. */
async function userOf(
  app: App,
  configuration: Configuration,
  kind: Kind,
  accessToken: string,
  subject: string | undefined,
): Promise<JsonObject> {
  if (kind.userEndpoint === undefined) {
    return plain(await away(fetchUserInfo(configuration, accessToken, subject ?? skipSubjectCheck)));
  }
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/json', 'user-agent': 'roster' };
  const response = await away(providerFetch(app)(kind.userEndpoint, { method: 'GET', headers }));
  const user: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  if (!isJsonObject(user)) throw new ProviderRefusal('server_error', 'the provider did not tell whose account it is');
  return user;
}

/** As JSON has it: without what is undefined. */
function plain(value: object): JsonObject {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  return isJsonObject(copy) ? copy : {};
}

function idIn(raw: JsonObject, attribute: string): string {
  const value: JsonValue | undefined = raw[attribute];
  const id = typeof value === 'number' ? String(value) : value;
  if (typeof id !== 'string' || id === '') {
    throw new ProviderRefusal('server_error', `the provider did not tell the account's id (${attribute})`);
  }
  return id;
}

/** By the names of OpenID Connect Core 5.1, and those of GitHub. */
function profileOf(raw: JsonObject): Profile {
  const displayName = textIn(raw, 'name');
  return {
    ...emptyProfile,
    givenName: textIn(raw, 'given_name'),
    familyName: textIn(raw, 'family_name'),
    displayName,
    nickName: textIn(raw, 'nickname'),
    preferredUsername: textIn(raw, 'preferred_username') || textIn(raw, 'login'),
    email: textIn(raw, 'email'),
    emailVerified: raw.email_verified === true,
    phone: textIn(raw, 'phone_number'),
    phoneVerified: raw.phone_number_verified === true,
    language: textIn(raw, 'locale'),
  };
}
