import { create, type JsonObject, type JsonValue, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  AutoLinkingOption,
  IDPOwnerType,
  IDPState,
  ProviderConfigSchema,
  type ProviderSchema,
  ProviderType,
  SAMLBinding,
  SAMLNameIDFormat,
  SAMLSignatureAlgorithm,
} from '../../../gen/zitadel/idp/v1/idp_pb.ts';
import { type LdapConfig, ldapAttributes, type ProviderOptions, type SamlConfig } from '../../kernel/db/providerConfig.ts';
import { type Owned, toObjectDetails } from '../user/convertObject.ts';
import { isJsonObject } from './protocols/fetching.ts';
import type { ProviderRow } from './repository.ts';

export const bindings: Record<SamlConfig['binding'], SAMLBinding> = {
  any: SAMLBinding.SAML_BINDING_UNSPECIFIED,
  post: SAMLBinding.SAML_BINDING_POST,
  redirect: SAMLBinding.SAML_BINDING_REDIRECT,
  artifact: SAMLBinding.SAML_BINDING_ARTIFACT,
};
export const nameIdFormats: Record<SamlConfig['nameIdFormat'], SAMLNameIDFormat> = {
  any: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_UNSPECIFIED,
  email: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_EMAIL_ADDRESS,
  persistent: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_PERSISTENT,
  transient: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_TRANSIENT,
};
export const signatureAlgorithms: Record<SamlConfig['signatureAlgorithm'], SAMLSignatureAlgorithm> = {
  'rsa-sha1': SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA1,
  'rsa-sha256': SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA256,
  'rsa-sha512': SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA512,
};
export const autoLinkings: Record<ProviderOptions['autoLinking'], AutoLinkingOption> = {
  none: AutoLinkingOption.UNSPECIFIED,
  username: AutoLinkingOption.USERNAME,
  email: AutoLinkingOption.EMAIL,
};

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
  details: toObjectDetails(ownedBy(row, instanceId)),
  state: row.state === 'active' ? IDPState.IDP_STATE_ACTIVE : IDPState.IDP_STATE_INACTIVE,
  name: row.name,
  owner: row.organizationId === null ? IDPOwnerType.IDP_OWNER_TYPE_SYSTEM : IDPOwnerType.IDP_OWNER_TYPE_ORG,
  type: providerTypes[row.type],
  config: toConfig(row),
});

const toConfig = ({ options, config }: Shown): MessageInitShape<typeof ProviderConfigSchema> => ({
  options: {
    isLinkingAllowed: options.linking,
    isCreationAllowed: options.creation,
    isAutoCreation: options.autoCreation,
    isAutoUpdate: options.autoUpdate,
    autoLinking: autoLinkings[options.autoLinking],
  },
  config: fromConfig(config),
});

type Shown = Pick<ProviderRow, 'options' | 'config'>;

/** Everything but the secret, by the names of requests. */
export function shownFields(shown: Shown): JsonObject {
  const message = create(ProviderConfigSchema, toConfig(shown));
  const { options, ...config } = objectOf(toJson(ProviderConfigSchema, message, { alwaysEmitImplicit: true }));
  const [fields] = Object.values(config);
  return { ...objectOf(fields), ...objectOf(options) };
}

const objectOf = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {});

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

/** An instance owns what no organization does. */
export const ownedBy = (row: ProviderRow, instanceId: string): Owned => ({ ...row, owner: row.organizationId ?? instanceId });
