import type { CountryCode } from 'libphonenumber-js';

/** Somebody elsewhere whose JWTs stand for users of ours. */
export interface TrustedIssuer {
  /** As its tokens say it in `iss`. */
  issuer: string;
  /** Where its keys are; undefined: as its discovery document says. */
  jwksUri: string | undefined;
  /** What its tokens for us say in `aud`. */
  audience: string;
  /** Of signatures: never one with a shared secret. */
  algorithms: readonly string[];
  /** The claim that names a user. */
  claim: string;
  /** Whether by id or by username. */
  matches: 'id' | 'username';
}

/** What the rules depend on and an operator may set. */
export interface Settings {
  /** Where links and pages stand: scheme, host and port, no path. */
  publicUrl: string;
  /** The hosts that links in messages may lead to beside the public URL's; undefined = any https host. */
  linkHosts: readonly string[] | undefined;
  /** Also allows links to localhost. */
  development: boolean;
  productName: string;
  /** Wrong passwords in a row with which a user is locked; 0 = never. */
  lockAfterPasswordTries: number;
  /** Region of phone numbers without a country code (ISO 3166-1 alpha-2). */
  phoneRegion: CountryCode;
  /** The domains that passkeys may be bound to; undefined = any that is one, and whose pages answer. */
  passkeyDomains: readonly string[] | undefined;
  /** Origins whose pages may use passkeys of any domain (WebAuthn Level 3, 5.11: related origins). */
  passkeyOrigins: readonly string[];
  /** Whether a session needs two factors even of people who have set up none. */
  mfaRequired: boolean;
  /** Milliseconds that a session lives at most from its creation on; undefined = without end. */
  sessionLifetimeMs: number | undefined;
  /** Unused ones that a user may hold. */
  maximumRecoveryCodes: number;
  trustedIssuers: readonly TrustedIssuer[];
}
