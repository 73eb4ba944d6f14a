// How an identity provider is reached, one shape for each protocol. Stored as JSON as it stands here: names of fields stay.

/** What a sign-in through a provider may do with users here. */
export interface ProviderOptions {
  linking: boolean;
  creation: boolean;
  autoCreation: boolean;
  autoUpdate: boolean;
  autoLinking: 'none' | 'username' | 'email';
}

export type ProviderConfig =
  | { type: 'oidc'; issuer: string; clientId: string; scopes: string[]; fromIdToken: boolean; pkce: boolean }
  | {
      type: 'oauth';
      clientId: string;
      authorizationEndpoint: string;
      tokenEndpoint: string;
      userEndpoint: string;
      /** Of the user's JSON, the field that holds the external id. */
      idAttribute: string;
      scopes: string[];
      pkce: boolean;
    }
  | { type: 'google'; clientId: string; scopes: string[] }
  | { type: 'github'; clientId: string; scopes: string[] }
  | { type: 'jwt'; endpoint: string; issuer: string; keysEndpoint: string; headerName: string }
  | LdapConfig
  | SamlConfig;

/** What an entry of a directory tells of a person, each by the name of its attribute; empty: nothing. */
export const ldapAttributes = [
  'id',
  'firstName',
  'lastName',
  'displayName',
  'nickName',
  'preferredUsername',
  'email',
  'emailVerified',
  'phone',
  'phoneVerified',
  'preferredLanguage',
  'avatarUrl',
  'profile',
] as const;

export interface LdapConfig {
  type: 'ldap';
  /** ldap:// or ldaps://, tried in this order. */
  servers: string[];
  startTls: boolean;
  baseDn: string;
  bindDn: string;
  userBase: string;
  userObjectClasses: string[];
  userFilters: string[];
  /** Milliseconds; 0: the default. */
  timeoutMs: number;
  attributes: Record<(typeof ldapAttributes)[number], string>;
  /** PEM; empty: the system's certificates. */
  rootCa: string;
}

export interface SamlConfig {
  type: 'saml';
  metadataXml: string;
  binding: 'any' | 'post' | 'redirect' | 'artifact';
  signedRequest: boolean;
  nameIdFormat: 'any' | 'email' | 'persistent' | 'transient';
  /** Of the assertion, the attribute that holds the external id where the name id is transient; empty: none. */
  transientMappingAttribute: string;
  federatedLogout: boolean;
  signatureAlgorithm: 'rsa-sha1' | 'rsa-sha256' | 'rsa-sha512';
}
