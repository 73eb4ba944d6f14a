// Identity providers in the world of the matrix: one of each type that can be updated, of the instance and of both
// organizations, an account of each person at one of them, and a sign-in that succeeded.
import type { DescField } from '@bufbuild/protobuf';
import { tokenHash } from '../../../src/kernel/auth/tokens.ts';
import { seal } from '../../../src/kernel/crypto/seal.ts';
import { textKey } from '../../../src/kernel/names.ts';
import { epoch, type TestServer } from '../server.ts';
import { foreignId, intentToken } from './values.ts';

const configs: Readonly<Record<string, object>> = {
  oidc: { issuer: 'https://a.example', clientId: 'a', scopes: [], fromIdToken: false, pkce: false },
  oauth: {
    ...{ clientId: 'a', authorizationEndpoint: 'https://a.example', tokenEndpoint: 'https://a.example' },
    ...{ userEndpoint: 'https://a.example', idAttribute: 'id', scopes: [], pkce: false },
  },
  jwt: { endpoint: 'https://a.example', issuer: 'a', keysEndpoint: 'https://a.example', headerName: 'a' },
  ldap: {
    ...{ servers: ['ldaps://a.example'], startTls: false, baseDn: 'a', bindDn: 'a', userBase: 'dn', rootCa: '' },
    ...{ userObjectClasses: ['a'], userFilters: ['a'], timeoutMs: 0, attributes: {} },
  },
  saml: {
    ...{ metadataXml: '<a/>', binding: 'any', signedRequest: false, nameIdFormat: 'persistent' },
    ...{ transientMappingAttribute: '', federatedLogout: false, signatureAlgorithm: 'rsa-sha256' },
  },
};
const options = { linking: true, creation: true, autoCreation: false, autoUpdate: false, autoLinking: 'none' };

/** The instance, beside the organizations. */
const instance = 'instance';
const idOf = (owner: string, type: string) => `${owner}-${type}`;

/** Whether a field names a provider. */
export const namesProvider = ({ name, parent }: DescField): boolean =>
  name === 'idp_id' ||
  name === 'config_id' ||
  parent.name === 'IDPIDQuery' ||
  (name === 'id' && /Provider(ByID)?Request$/.test(parent.name));

/** The one that this field of a request names, by message and field: of the type that the call is for. */
export function providerFor(field: string, organizationId: string): string {
  const [, type = 'jwt'] = /\.Update(?:Generic)?(\w+?)Provider/.exec(field) ?? [];
  return idOf(field.startsWith('zitadel.management.') ? organizationId : instance, type.toLowerCase());
}

export async function addProviders({ sql }: TestServer, organizations: readonly string[]): Promise<void> {
  for (const owner of [instance, ...organizations]) {
    for (const [type, config] of Object.entries(configs)) {
      await sql`insert into identity_providers (id, organization_id, name, name_key, type, state, config, options, sequence,
        created_at, changed_at) values (${idOf(owner, type)}, ${owner === instance ? null : owner}, ${type}, ${type}, ${type},
        'active', ${sql.json({ type, ...config })}, ${sql.json(options)}, 1, ${epoch}, ${epoch})`;
    }
  }
}

/** The account of somebody at the provider of the instance. */
export const accountOf = (userId: string): string => `${userId}-account`;

export async function addLink({ sql }: TestServer, userId: string): Promise<void> {
  const account = accountOf(userId);
  await sql`insert into provider_links (provider_id, external_id, external_key, user_id, user_name, created_at)
    values (${idOf(instance, 'jwt')}, ${account}, ${textKey(account)}, ${userId}, ${account}, ${epoch})`;
}

/** A sign-in of nobody whom anybody knows, that everybody may read who has its token. */
export async function addIntent({ sql, app }: TestServer): Promise<void> {
  const profile = { givenName: 'a', familyName: 'a', displayName: '', nickName: '', preferredUsername: '', language: '' };
  const identity = {
    ...{ externalId: 'nobody', userName: 'a', raw: {}, access: { kind: 'oauth', accessToken: 'a' } },
    profile: { ...profile, email: 'a@example.net', emailVerified: true, phone: '', phoneVerified: false },
  };
  const result = seal(app.keys.seal, `intent/${foreignId}`, JSON.stringify(identity));
  const hash = tokenHash(app.keys, JSON.stringify(['intent', foreignId, intentToken]));
  const later = new Date(epoch.getTime() + 60_000).toISOString();
  await sql`insert into intents (id, provider_id, creator_id, state, success_url, failure_url, expected, token_hash, external_id,
    external_name, result, sequence, created_at, changed_at, expires_at) values (${foreignId}, ${idOf(instance, 'jwt')}, 'x',
    'succeeded', 'https://roster.example.com/ui/', 'https://roster.example.com/ui/', '', ${hash}, 'nobody', 'a', ${result}, 1,
    ${epoch}, ${epoch}, ${later})`;
}
