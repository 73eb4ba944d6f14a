// What the entry of a directory tells of a person.
import { isUtf8 } from 'node:buffer';
import type { LdapConfig } from '../../../kernel/db/providerConfig.ts';
import { emptyProfile, type Identity, type Profile, ProviderRefusal } from '../identity.ts';
import type { Entry } from './directory.ts';

/** Bytes of a value; a longer one is left out: half a value is none. */
const maximumValueBytes = 4096;
/** Characters of an id, as links take it. */
const maximumIdLength = 200;

/** The attributes that are asked for, and no others: an entry may hold hashes of passwords. */
export const wantedAttributes = ({ attributes, userBase }: LdapConfig): string[] => [
  ...new Set([...Object.values(attributes), userBase].filter((name) => name !== '' && !isDn(name))),
];

const isDn = (name: string): boolean => name.toLowerCase() === 'dn';

/** What to bind as: the distinguished name, or the first value of another attribute. Empty: nothing. */
export const bindNameOf = (entry: Entry, userBase: string): string => (isDn(userBase) ? entry.dn : firstText(entry, userBase));

/** A ProviderRefusal when there is no one id: linked accounts are known by it. */
export function identityOf(entry: Entry, config: LdapConfig): Identity {
  const externalId = idOf(entry, config.attributes.id);
  const profile = profileOf(entry, config.attributes);
  const shown = wantedAttributes(config).map((name) => [name, valuesOf(entry, name).map(plain)] as const);
  const attributes = Object.fromEntries(shown.filter(([, values]) => values.length > 0));
  return {
    externalId,
    userName: profile.preferredUsername || profile.email || externalId,
    profile,
    raw: attributes,
    access: { kind: 'ldap', attributes },
  };
}

/** Values have no order (RFC 4511, 4.1.7): of several, none is the id. */
function idOf(entry: Entry, name: string): string {
  const [value, another] = valuesOf(entry, name);
  const id = value === undefined || another !== undefined ? '' : plain(value);
  if (id === '' || id.length > maximumIdLength) {
    throw new ProviderRefusal('server_error', `the directory does not tell the account's one id (${name})`);
  }
  return id;
}

function profileOf(entry: Entry, names: LdapConfig['attributes']): Profile {
  const text = (name: string) => firstText(entry, name);
  return {
    ...emptyProfile,
    givenName: text(names.firstName),
    familyName: text(names.lastName),
    displayName: text(names.displayName),
    nickName: text(names.nickName),
    preferredUsername: text(names.preferredUsername),
    email: text(names.email),
    emailVerified: isTrue(text(names.emailVerified)),
    phone: text(names.phone),
    phoneVerified: isTrue(text(names.phoneVerified)),
    language: languageIn(text(names.preferredLanguage)),
  };
}

/** RFC 4517, 3.3.3, in any case: not every directory keeps such values as Booleans. */
const isTrue = (text: string): boolean => text.toUpperCase() === 'TRUE';

/** The first one of a list as Accept-Language has it (RFC 2798, 2.7); empty for what is none. */
function languageIn(text: string): string {
  try {
    return Intl.getCanonicalLocales(text.split(/[,;\s]/, 1))[0] ?? '';
  } catch {
    return '';
  }
}

const valuesOf = ({ attributes }: Entry, name: string): readonly Buffer[] =>
  (attributes.get(name.toLowerCase()) ?? []).filter((value) => value.length <= maximumValueBytes);

/** Empty for a value that is no text. */
function firstText(entry: Entry, name: string): string {
  const [value] = valuesOf(entry, name);
  return value === undefined ? '' : (textIn(value) ?? '');
}

/** What is no text becomes hexadecimal, as letter case makes no difference between ids. */
const plain = (value: Buffer): string => textIn(value) ?? value.toString('hex');

const textIn = (value: Buffer): string | undefined => {
  const text = isUtf8(value) ? value.toString() : undefined;
  return text === undefined || controls.test(text) ? undefined : text;
};

/** But for tabs and ends of lines. */
const controls = /(?![\t\n\r])\p{Cc}/u;
