// What the converters from other systems have in common.
import { parseHash } from '../../kernel/crypto/hashes/hashes.ts';
import type { IdpLink, Providers, UserRecord } from './record.ts';

/** A user of another system as a line, and what of him is not in it. */
export interface Converted {
  record: UserRecord;
  losses: Loss[];
}

export interface Loss {
  /** What was lost or made up, such as `password` or `givenName`. */
  what: string;
  message: string;
}

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

export const member = (value: unknown, key: string): unknown =>
  isObject(value) ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;

/** A text that is not empty. */
export function text(value: unknown, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function list(value: unknown, key: string): readonly unknown[] {
  const found: unknown = member(value, key);
  return Array.isArray(found) ? found : [];
}

export const entriesOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);

/** A time in milliseconds or as text. */
export function timeOf(value: unknown): Date | undefined {
  const time = typeof value === 'number' || typeof value === 'string' ? new Date(value) : undefined;
  return time && !Number.isNaN(time.getTime()) ? time : undefined;
}

/** A hash that an import will take; else the loss is told. */
export function usableHash(hash: string | undefined, algorithm: string, losses: Loss[]): string | undefined {
  if (hash !== undefined && parseHash(hash)) return hash;
  const why = hash === undefined ? 'is of a kind that is not accepted' : 'costs too little or too much, or is malformed';
  losses.push({ what: 'password', message: `The password hash (${algorithm}) ${why}: the user has to set a new password.` });
  return undefined;
}

/** Given and family name, which every person needs here. */
export function names(given: string | undefined, family: string | undefined, otherwise: string, losses: Loss[]) {
  for (const [what, name] of Object.entries({ givenName: given, familyName: family }))
    if (name === undefined) losses.push({ what, message: `There is no ${what}: "${otherwise}" stands for it.` });
  return { givenName: given ?? otherwise, familyName: family ?? otherwise };
}

export function tellMissingEmail(email: string | undefined, losses: Loss[]): void {
  if (email === undefined)
    losses.push({ what: 'email', message: 'There is no e-mail address: the import will refuse the line.' });
}

/** The links whose provider has an id here; the others are told. */
export function knownLinks(
  links: readonly { provider: string; userId: string; userName: string }[],
  providers: Providers,
  losses: Loss[],
): IdpLink[] | undefined {
  const known: IdpLink[] = [];
  for (const { provider, userId, userName } of links) {
    const idpId = providers.get(provider);
    if (idpId !== undefined) known.push({ idpId, userId, userName });
    else
      losses.push({ what: 'idpLink', message: `The link with ${provider} needs --provider ${provider}=ID to be carried over.` });
  }
  return known.length > 0 ? known : undefined;
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648, section 6, without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  let encoded = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) encoded += base32.charAt((held >> (bits - 5)) & 31);
  }
  return bits > 0 ? encoded + base32.charAt((held << (5 - bits)) & 31) : encoded;
}
