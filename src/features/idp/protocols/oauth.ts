// OAuth 2.0 (RFC 6749) and OpenID Connect, by openid-client: discovery, PKCE, state, nonce and issuer are checked there.
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  ResponseBodyError,
  skipSubjectCheck,
} from 'openid-client';
import type { App } from '../../../kernel/call.ts';
import { type Begun, type Identity, ProviderRefusal } from '../identity.ts';
import { callbackPath } from '../paths.ts';
import type { ProviderRow } from '../repository.ts';
import { personIn, plain } from './claims.ts';
import { away, isJsonObject, providerFetch } from './fetching.ts';
import { configurationOf, type Kind, kindOf, type OauthConfig } from './oauthServer.ts';
import type { Beginning, Ending } from './protocols.ts';

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
  const url = await away((async () => buildAuthorizationUrl(configuration, parameters))());
  return { journey: { kind: 'redirect', url: url.href }, expected: { verifier, nonce } };
}

export async function finishOauth(
  app: App,
  provider: ProviderRow,
  config: OauthConfig,
  { id, expected, answer }: Ending,
): Promise<Identity> {
  const kind = kindOf(config);
  const configuration = await configurationOf(app, provider, config, kind, answer.parameters.get('iss'));
  const url = new URL(redirectUri(app));
  url.search = answer.parameters.toString();
  const { verifier = '', nonce = '' } = expected;
  const tokens = await away(
    authorizationCodeGrant(configuration, url, {
      expectedState: id,
      ...(nonce !== '' && { expectedNonce: nonce, idTokenExpected: true }),
      ...(verifier !== '' && { pkceCodeVerifier: verifier }),
    }).catch((error: unknown) => {
      if (error instanceof AuthorizationResponseError) throw refusalOf(error);
      if (error instanceof ResponseBodyError) throw new Error(`the provider says ${codeIn(error)}`);
      throw error;
    }),
  );
  const claims = tokens.claims();
  const raw =
    kind.fromIdToken && claims ? plain(claims) : await userOf(app, configuration, kind, tokens.access_token, claims?.sub);
  return {
    ...personIn(raw, kind.idAttribute),
    access: {
      kind: 'oauth',
      accessToken: tokens.access_token,
      idToken: tokens.id_token,
      refreshToken: tokens.refresh_token,
    },
    ...(tokens.expires_in !== undefined && { endsAt: app.clock().getTime() + tokens.expires_in * 1000 }),
  };
}

/** Characters. */
const maximumSaid = 200;
/** A code as specifications register them. Whoever has the link of the way back may write anything there. */
const errorCode = /^[a-z][a-z_]{0,63}$/;

const codeIn = ({ error }: { error: string }): string => (errorCode.test(error) ? error : 'server_error');

/** What the provider says beside the code is for the log. */
function refusalOf(error: AuthorizationResponseError): ProviderRefusal {
  const code = codeIn(error);
  const said = (error.error_description ?? '').replaceAll(/[^\p{L}\p{N}.,:'-]+/gu, ' ').slice(0, maximumSaid);
  return new ProviderRefusal(code, 'the provider refused', { cause: new Error(`the provider says ${code}: ${said}`) });
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
