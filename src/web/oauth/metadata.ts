import { assertionAlgorithms } from '../../features/oauth/assertion.ts';
import { oauthPaths } from '../../features/oauth/paths.ts';
import { signingAlgorithm } from '../../kernel/auth/jwtTokens.ts';
import { publicKeyOf, shownKeys } from '../../kernel/auth/signingKeys.ts';
import type { App } from '../../kernel/call.ts';

export const grantTypes = { assertion: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client: 'client_credentials' } as const;
const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

/**
 * What clients find us by (RFC 8414; OpenID Connect Discovery, 3). Some read nothing without an authorization endpoint and the
 * two lists that OpenID Connect demands: nobody is sent there, and there are no ID tokens.
 */
export function metadata({ settings: { publicUrl } }: Pick<App, 'settings'>) {
  return {
    issuer: publicUrl,
    authorization_endpoint: publicUrl + oauthPaths.authorization,
    token_endpoint: publicUrl + oauthPaths.token,
    introspection_endpoint: publicUrl + oauthPaths.introspection,
    jwks_uri: publicUrl + oauthPaths.keys,
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [signingAlgorithm],
    grant_types_supported: Object.values(grantTypes),
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
  };
}

/** The keys that JWTs of ours are verified with (RFC 7517, 5). */
export async function keySet(app: App) {
  const keys = await shownKeys(app, app.clock());
  return {
    keys: keys.map((key) => ({ ...publicKeyOf(key).export({ format: 'jwk' }), kid: key.id, use: 'sig', alg: signingAlgorithm })),
  };
}
