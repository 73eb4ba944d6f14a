// Which server an OAuth 2.0 or OpenID Connect provider is: its endpoints, how it knows us, and what of its answers is believed.
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
} from 'openid-client';
import type { App } from '../../../kernel/call.ts';
import type { ProviderConfig } from '../../../kernel/db/providerConfig.ts';
import { ProviderRefusal } from '../identity.ts';
import type { ProviderRow } from '../repository.ts';
import { secretOf } from '../secrets.ts';
import { away, type Fetching, isJsonObject, providerFetch } from './fetching.ts';

export type OauthConfig = Extract<ProviderConfig, { type: 'oidc' | 'oauth' | 'google' | 'github' }>;

/** What differs between the kinds. */
export interface Kind {
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

export function kindOf(config: OauthConfig): Kind {
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

/**
 * Asks for the provider's description each time: keys and endpoints move, and it is cheap beside a person who types.
 * @param told The issuer that the answer names (RFC 9207), if any.
 */
export async function configurationOf(
  app: App,
  provider: ProviderRow,
  { clientId }: OauthConfig,
  kind: Kind,
  told?: string | null,
): Promise<Configuration> {
  const secret = secretOf(app, provider);
  const authentication = authenticationBy(secret);
  const fetching = providerFetch(app);
  if (kind.issuer !== undefined) {
    const issuer = issuerIn(kind.issuer);
    const options = { execute: [enableNonRepudiationChecks, ...leniency(issuer)], [customFetch]: fetching };
    return away(discovery(issuer, clientId, {}, authentication, options));
  }
  const { authorization = '', token = '' } = kind.endpoints ?? {};
  const server = {
    issuer: issuerAmong([authorization, token], told),
    authorization_endpoint: authorization,
    token_endpoint: token,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  };
  const made = new Configuration(server, clientId, {}, authentication);
  made[customFetch] = withoutIdToken(fetching);
  for (const extension of leniency(new URL(token))) extension(made);
  return made;
}

/** As the provider says that it takes a secret; where it says nothing, by the Basic scheme (RFC 8414, 2). None: a public client. */
function authenticationBy(secret: string): ClientAuth {
  if (secret === '') return None();
  return (server, ...rest) => {
    const posted = server.token_endpoint_auth_methods_supported?.includes('client_secret_post');
    return (posted ? ClientSecretPost(secret) : ClientSecretBasic(secret))(server, ...rest);
  };
}

/** Without TLS only where that is typed so: there the guarded client decides. What uses TLS leads nowhere without it. */
const leniency = ({ protocol }: URL) => (protocol === 'http:' ? [allowInsecureRequests] : []);

const descriptionPath = '/.well-known/openid-configuration';

/** As typed, or of the address of the description. The library would believe any other such address whatever issuer it names. */
function issuerIn(typed: string): URL {
  const issuer = typed.endsWith(descriptionPath) ? typed.slice(0, -descriptionPath.length) : typed;
  if (issuer.includes('/.well-known/')) throw new ProviderRefusal('server_error', 'the issuer of the provider is none');
  return new URL(issuer);
}

/**
 * Where the issuer is not configured, one that the answer names must stand where the endpoints do: an answer of another
 * server is not taken for this one's (RFC 9207, 4).
 */
function issuerAmong(endpoints: readonly string[], told: string | null | undefined): string {
  const origins = endpoints.map((endpoint) => new URL(endpoint).origin);
  const itself = told && URL.canParse(told) && origins.includes(new URL(told).origin) ? told : undefined;
  return itself ?? endpoints[0] ?? '';
}

/** An ID token proves nothing where no issuer is configured whose keys it could be held against. */
const withoutIdToken =
  (fetching: Fetching): Fetching =>
  async (url, sent) => {
    const response = await fetching(url, sent);
    const answer: unknown = await response
      .clone()
      .json()
      .catch(() => undefined);
    if (!isJsonObject(answer) || !('id_token' in answer)) return response;
    const { id_token: _, ...rest } = answer;
    return Response.json(rest, { status: response.status });
  };
