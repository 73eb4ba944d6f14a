import type { CountryCode } from 'libphonenumber-js';

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
}
