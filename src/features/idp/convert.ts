import { durationMs } from '@bufbuild/protobuf/wkt';
import type { ProviderQuery as InstanceQuery } from '../../../gen/zitadel/admin/v1/admin_pb.ts';
import { IDPOwnerType, type LDAPAttributes, type Options } from '../../../gen/zitadel/idp/v1/idp_pb.ts';
import type {
  AddGenericOAuthProviderRequest,
  AddGenericOIDCProviderRequest,
  AddGitHubProviderRequest,
  AddGoogleProviderRequest,
  AddJWTProviderRequest,
  AddLDAPProviderRequest,
  AddSAMLProviderRequest,
  ProviderQuery,
} from '../../../gen/zitadel/management/v1/management_pb.ts';
import type { IDPLink } from '../../../gen/zitadel/user/v2/idp_pb.ts';
import type { LdapConfig, ProviderOptions } from '../../kernel/db/providerConfig.ts';
import { invalidField } from '../../kernel/errors.ts';
import { textMatchOf } from '../user/convert.ts';
import { autoLinkings, bindings, nameIdFormats, signatureAlgorithms } from './convertProvider.ts';
import type { Account } from './links.ts';
import type { Filter } from './repository.ts';
import type { ProviderInput } from './service.ts';

export const toAccount = ({ idpId, userId, userName }: IDPLink): Account => ({ providerId: idpId, externalId: userId, userName });

/** What the requests of both services have in common, those that add and those that update. */
export type Fields<T> = Omit<T, '$typeName' | '$unknown'>;

export const toOidc = (request: Fields<AddGenericOIDCProviderRequest>): ProviderInput => ({
  name: request.name,
  secret: request.clientSecret,
  options: toOptions(request.providerOptions),
  config: {
    type: 'oidc',
    issuer: request.issuer,
    clientId: request.clientId,
    scopes: request.scopes,
    fromIdToken: request.isIdTokenMapping,
    pkce: request.usePkce,
  },
});

export const toOauth = (request: Fields<AddGenericOAuthProviderRequest>): ProviderInput => ({
  name: request.name,
  secret: request.clientSecret,
  options: toOptions(request.providerOptions),
  config: {
    type: 'oauth',
    clientId: request.clientId,
    authorizationEndpoint: request.authorizationEndpoint,
    tokenEndpoint: request.tokenEndpoint,
    userEndpoint: request.userEndpoint,
    idAttribute: request.idAttribute,
    scopes: request.scopes,
    pkce: request.usePkce,
  },
});

export const toGoogle = (request: Fields<AddGoogleProviderRequest>): ProviderInput => ({
  name: request.name || 'Google',
  secret: request.clientSecret,
  options: toOptions(request.providerOptions),
  config: { type: 'google', clientId: request.clientId, scopes: request.scopes },
});

export const toGitHub = (request: Fields<AddGitHubProviderRequest>): ProviderInput => ({
  name: request.name || 'GitHub',
  secret: request.clientSecret,
  options: toOptions(request.providerOptions),
  config: { type: 'github', clientId: request.clientId, scopes: request.scopes },
});

export const toJwt = (request: Fields<AddJWTProviderRequest>): ProviderInput => ({
  name: request.name,
  secret: '',
  options: toOptions(request.providerOptions),
  config: {
    type: 'jwt',
    endpoint: request.jwtEndpoint,
    issuer: request.issuer,
    keysEndpoint: request.keysEndpoint,
    headerName: request.headerName,
  },
});

export const toLdap = (request: Fields<AddLDAPProviderRequest>): ProviderInput => ({
  name: request.name,
  secret: request.bindPassword,
  options: toOptions(request.providerOptions),
  config: {
    type: 'ldap',
    servers: request.servers,
    startTls: request.startTls,
    baseDn: request.baseDn,
    bindDn: request.bindDn,
    userBase: request.userBase,
    userObjectClasses: request.userObjectClasses,
    userFilters: request.userFilters,
    timeoutMs: request.timeout ? Math.max(0, durationMs(request.timeout)) : 0,
    attributes: toAttributes(request.attributes),
    rootCa: Buffer.from(request.rootCa).toString(),
  },
});

const toAttributes = (attributes: LDAPAttributes | undefined): LdapConfig['attributes'] => ({
  id: attributes?.idAttribute ?? '',
  firstName: attributes?.firstNameAttribute ?? '',
  lastName: attributes?.lastNameAttribute ?? '',
  displayName: attributes?.displayNameAttribute ?? '',
  nickName: attributes?.nickNameAttribute ?? '',
  preferredUsername: attributes?.preferredUsernameAttribute ?? '',
  email: attributes?.emailAttribute ?? '',
  emailVerified: attributes?.emailVerifiedAttribute ?? '',
  phone: attributes?.phoneAttribute ?? '',
  phoneVerified: attributes?.phoneVerifiedAttribute ?? '',
  preferredLanguage: attributes?.preferredLanguageAttribute ?? '',
  avatarUrl: attributes?.avatarUrlAttribute ?? '',
  profile: attributes?.profileAttribute ?? '',
});

/** The instance's requests name no algorithm. */
export type SamlFields = Omit<Fields<AddSAMLProviderRequest>, 'signatureAlgorithm'> &
  Partial<Pick<AddSAMLProviderRequest, 'signatureAlgorithm'>>;

/** `metadataXml` is the document, fetched before where a URL was given. */
export const toSaml = (request: SamlFields, metadataXml: string): ProviderInput => ({
  name: request.name,
  secret: '',
  options: toOptions(request.providerOptions),
  config: {
    type: 'saml',
    metadataXml,
    binding: named(bindings, request.binding) ?? 'any',
    signedRequest: request.withSignedRequest,
    nameIdFormat: named(nameIdFormats, request.nameIdFormat) ?? 'persistent',
    transientMappingAttribute: request.transientMappingAttributeName ?? '',
    federatedLogout: request.federatedLogoutEnabled ?? false,
    signatureAlgorithm: named(signatureAlgorithms, request.signatureAlgorithm) ?? 'rsa-sha256',
  },
});

/** The other way round; undefined for a wire number that stands for nothing. */
function named<N extends string>(numbers: Readonly<Record<N, number>>, number: number | undefined): N | undefined {
  for (const name in numbers) if (numbers[name] === number) return name;
  return undefined;
}

const toOptions = (options: Options | undefined): ProviderOptions => ({
  linking: options?.isLinkingAllowed ?? false,
  creation: options?.isCreationAllowed ?? false,
  autoCreation: options?.isAutoCreation ?? false,
  autoUpdate: options?.isAutoUpdate ?? false,
  autoLinking: named(autoLinkings, options?.autoLinking) ?? 'none',
});

/** An organization's query asks for the owner too; the instance's has no such condition. */
interface Condition {
  query: ProviderQuery['query'] | Exclude<InstanceQuery['query'], { case: undefined }>;
}

export function toFilter({ query }: Condition, index: number): Filter[] {
  switch (query.case) {
    case 'idpIdQuery':
      return [{ on: 'id', id: query.value.id }];
    case 'idpNameQuery':
      return [{ on: 'name', match: textMatchOf(query.value.method, query.value.name) }];
    case 'ownerTypeQuery':
      return toOwnerFilter(query.value.ownerType);
    case undefined:
      throw invalidField('QUERY_EMPTY', `queries[${index}]`, { field: `queries[${index}]` });
  }
}

function toOwnerFilter(type: IDPOwnerType): Filter[] {
  switch (type) {
    case IDPOwnerType.IDP_OWNER_TYPE_SYSTEM:
      return [{ on: 'owner', of: 'instance' }];
    case IDPOwnerType.IDP_OWNER_TYPE_ORG:
      return [{ on: 'owner', of: 'organization' }];
    case IDPOwnerType.IDP_OWNER_TYPE_UNSPECIFIED:
      return [];
  }
  return [];
}
