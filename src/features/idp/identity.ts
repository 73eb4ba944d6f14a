import type { JsonObject } from '@bufbuild/protobuf';

/** What a provider tells of a person; what it does not tell is empty, or false. */
export interface Profile {
  givenName: string;
  familyName: string;
  displayName: string;
  nickName: string;
  preferredUsername: string;
  email: string;
  emailVerified: boolean;
  phone: string;
  phoneVerified: boolean;
  /** BCP 47. */
  language: string;
}

/** Who somebody is at a provider, and what came with it. Sealed at rest: it holds tokens. */
export interface Identity {
  /** Of the account there, for ever. */
  externalId: string;
  userName: string;
  profile: Profile;
  /** Everything that the provider said, as it said it. */
  raw: JsonObject;
  access:
    | { kind: 'oauth'; accessToken: string; idToken?: string | undefined; refreshToken?: string | undefined }
    | { kind: 'ldap'; attributes: JsonObject }
    | { kind: 'saml'; assertion: string };
  /** When the provider says that it is over, in milliseconds since 1970; undefined where it says nothing. */
  endsAt?: number | undefined;
}

export const emptyProfile: Profile = {
  givenName: '',
  familyName: '',
  displayName: '',
  nickName: '',
  preferredUsername: '',
  email: '',
  emailVerified: false,
  phone: '',
  phoneVerified: false,
  language: '',
};

/** Where a browser is sent to sign in at a provider: by a link, or by a form that it posts. */
export type Journey = { kind: 'redirect'; url: string } | { kind: 'form'; url: string; fields: Record<string, string> };

/** Begun at a provider: where to, and what its answer will be held against. */
export interface Begun {
  journey: Journey;
  expected: Record<string, string>;
}

/** A sign-in at a provider that did not succeed, in words for whoever sent the person there; nothing secret in it. */
export class ProviderRefusal extends Error {
  override name = 'ProviderRefusal';
  /** As RFC 6749, 4.1.2.1 names them. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
