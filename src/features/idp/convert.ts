import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ProviderQuery as InstanceQuery } from '../../../gen/zitadel/admin/v1/admin_pb.ts';
import {
  AutoLinkingOption,
  IDPOwnerType,
  IDPState,
  type LDAPAttributes,
  type Options,
  type ProviderSchema,
  ProviderType,
  SAMLBinding,
  SAMLNameIDFormat,
  SAMLSignatureAlgorithm,
} from '../../../gen/zitadel/idp/v1/idp_pb.ts';
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
import type { ListDetailsSchema, ObjectDetailsSchema } from '../../../gen/zitadel/v1/object_pb.ts';
import { type LdapConfig, ldapAttributes, type ProviderOptions, type SamlConfig } from '../../kernel/db/providerConfig.ts';
import { invalidField } from '../../kernel/errors.ts';
import { textMatchOf } from '../user/convert.ts';
import type { Account } from './links.ts';
import type { Filter, ProviderRow } from './repository.ts';
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

const bindings: Record<SamlConfig['binding'], SAMLBinding> = {
  any: SAMLBinding.SAML_BINDING_UNSPECIFIED,
  post: SAMLBinding.SAML_BINDING_POST,
  redirect: SAMLBinding.SAML_BINDING_REDIRECT,
  artifact: SAMLBinding.SAML_BINDING_ARTIFACT,
};
const nameIdFormats: Record<SamlConfig['nameIdFormat'], SAMLNameIDFormat> = {
  any: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_UNSPECIFIED,
  email: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_EMAIL_ADDRESS,
  persistent: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_PERSISTENT,
  transient: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_TRANSIENT,
};
const signatureAlgorithms: Record<SamlConfig['signatureAlgorithm'], SAMLSignatureAlgorithm> = {
  'rsa-sha1': SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA1,
  'rsa-sha256': SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA256,
  'rsa-sha512': SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA512,
};
const autoLinkings: Record<ProviderOptions['autoLinking'], AutoLinkingOption> = {
  none: AutoLinkingOption.UNSPECIFIED,
  username: AutoLinkingOption.USERNAME,
  email: AutoLinkingOption.EMAIL,
};

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

const providerTypes: Record<ProviderRow['type'], ProviderType> = {
  oidc: ProviderType.OIDC,
  oauth: ProviderType.OAUTH,
  google: ProviderType.GOOGLE,
  github: ProviderType.GITHUB,
  jwt: ProviderType.JWT,
  ldap: ProviderType.LDAP,
  saml: ProviderType.SAML,
};

export const toProvider = (row: ProviderRow, instanceId: string): MessageInitShape<typeof ProviderSchema> => ({
  id: row.id,
  details: toObjectDetails(row, instanceId),
  state: row.state === 'active' ? IDPState.IDP_STATE_ACTIVE : IDPState.IDP_STATE_INACTIVE,
  name: row.name,
  owner: row.organizationId === null ? IDPOwnerType.IDP_OWNER_TYPE_SYSTEM : IDPOwnerType.IDP_OWNER_TYPE_ORG,
  type: providerTypes[row.type],
  config: {
    options: {
      isLinkingAllowed: row.options.linking,
      isCreationAllowed: row.options.creation,
      isAutoCreation: row.options.autoCreation,
      isAutoUpdate: row.options.autoUpdate,
      autoLinking: autoLinkings[row.options.autoLinking],
    },
    config: fromConfig(row.config),
  },
});

function fromConfig(config: ProviderRow['config']) {
  switch (config.type) {
    case 'oidc': {
      const { issuer, clientId, scopes, fromIdToken, pkce } = config;
      return { case: 'oidc', value: { issuer, clientId, scopes, isIdTokenMapping: fromIdToken, usePkce: pkce } } as const;
    }
    case 'oauth': {
      const { type: _, pkce, ...shown } = config;
      return { case: 'oauth', value: { ...shown, usePkce: pkce } } as const;
    }
    case 'google':
      return { case: 'google', value: { clientId: config.clientId, scopes: config.scopes } } as const;
    case 'github':
      return { case: 'github', value: { clientId: config.clientId, scopes: config.scopes } } as const;
    case 'jwt': {
      const { endpoint, issuer, keysEndpoint, headerName } = config;
      return { case: 'jwt', value: { jwtEndpoint: endpoint, issuer, keysEndpoint, headerName } } as const;
    }
    case 'ldap':
      return { case: 'ldap', value: fromLdap(config) } as const;
    case 'saml':
      return { case: 'saml', value: fromSaml(config) } as const;
  }
}

function fromLdap({ type: _, timeoutMs, attributes, rootCa, ...shown }: LdapConfig) {
  const named = Object.fromEntries(ldapAttributes.map((name) => [`${name}Attribute`, attributes[name]]));
  return { ...shown, timeout: durationFromMs(timeoutMs), attributes: named, rootCa: new Uint8Array(Buffer.from(rootCa)) };
}

const fromSaml = ({ metadataXml, binding, nameIdFormat, signatureAlgorithm, ...config }: SamlConfig) => ({
  metadataXml: new Uint8Array(Buffer.from(metadataXml)),
  binding: bindings[binding],
  withSignedRequest: config.signedRequest,
  nameIdFormat: nameIdFormats[nameIdFormat],
  transientMappingAttributeName: config.transientMappingAttribute,
  federatedLogoutEnabled: config.federatedLogout,
  signatureAlgorithm: signatureAlgorithms[signatureAlgorithm],
});

type ObjectDetails = MessageInitShape<typeof ObjectDetailsSchema>;

const toObjectDetails = (row: ProviderRow, instanceId: string): ObjectDetails => ({
  sequence: row.sequence,
  creationDate: timestampFromDate(row.createdAt),
  changeDate: timestampFromDate(row.changedAt),
  resourceOwner: row.organizationId ?? instanceId,
});

/** What adding answers with: without the date of a change. */
export const toCreation = (row: ProviderRow, instanceId: string): ObjectDetails => ({
  ...toObjectDetails(row, instanceId),
  changeDate: undefined,
});

/** What a change answers with: without the date of creation. */
export const toChange = (row: ProviderRow, instanceId: string): ObjectDetails => ({
  ...toObjectDetails(row, instanceId),
  creationDate: undefined,
});

export const toListDetails = (total: number, now: Date): MessageInitShape<typeof ListDetailsSchema> => ({
  totalResult: BigInt(total),
  viewTimestamp: timestampFromDate(now),
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
