// Who is in the database: user n is the same in every run, so that requests can name users without asking for them.
import type { userMetadata, users } from '../src/kernel/db/schema.ts';
import { Ids } from '../src/kernel/ids.ts';
import { textKey } from '../src/kernel/names.ts';

export type UserRow = typeof users.$inferSelect;
export type MetadataRow = typeof userMetadata.$inferSelect;

const givenNames = [
  ...[
    'Anna',
    'Luca',
    'Mia',
    'Noah',
    'Zoë',
    'José',
    'Chloé',
    'Jürgen',
    'Søren',
    'Beatriz',
    'Matteo',
    'Léa',
    'Jonas',
    'Sofía',
    'Emil',
  ],
  ...[
    'Ingrid',
    'Mateusz',
    'Olga',
    'Piotr',
    'Yusuf',
    'Amélie',
    'Dario',
    'Elif',
    'Finn',
    'Giulia',
    'Hana',
    'Ivan',
    'Julia',
    'Karim',
  ],
  ...[
    'Leonie',
    'Marco',
    'Nadia',
    'Oskar',
    'Paula',
    'Quentin',
    'Renée',
    'Stefan',
    'Tamara',
    'Ursula',
    'Viktor',
    'Wanda',
    'Xavier',
  ],
];
const familyNames = [
  ...['Müller', 'Meier', 'Schmid', 'Keller', 'Weber', 'Huber', 'Schneider', 'Steiner', 'Fischer', 'Gerber', 'Brunner', 'Baumann'],
  ...['Frei', 'Zimmermann', 'Moser', 'Widmer', 'Wyss', 'Graf', 'Roth', 'Baumgartner', 'Suter', 'Bühler', 'Kaufmann', 'Lehmann'],
  ...['Rossi', 'Bianchi', 'Ferrari', 'Dubois', 'Favre', 'Rochat', 'García', 'Fernández', 'López', 'Martínez', 'Silva', 'Santos'],
  ...['Novák', 'Kowalski', 'Nowak', 'Petrov', 'Ivanova', 'Yılmaz', 'Kaya', 'Andersson', 'Hansen', 'Nielsen', 'Nguyen', 'Tanaka'],
];
const nickNames = ['Sunny', 'Ace', 'Flash', 'Bee', 'Tiger', 'Robin', 'Lucky', 'Fox'];
const jobs = ['backup', 'billing', 'deploy', 'import', 'metrics', 'mail', 'sync', 'report'];
const mailDomains = ['example.com', 'mail.example.org', 'firm.example', 'school.example.net', 'post.example.ch'];
const languages = ['de', 'fr', 'it', 'en', 'pt-BR', 'und'];
const genders = ['unspecified', 'female', 'male', 'diverse'] as const;
const departments = ['sales', 'engineering', 'finance', 'support', 'legal', 'research'];

/** Percent of the users in the first organization, in the first two, in all three. */
const shares = [90, 99, 100];
const firstCreation = Date.UTC(2022, 0, 1);
const lastCreation = Date.UTC(2026, 0, 1);
/** The process that their ids claim to come from; the service counts its own from 1. */
const node = 900;

/** A number below `bound` that depends on n and salt only, as even as if thrown (the finalizer of MurmurHash3). */
function pick(n: number, salt: number, bound: number): number {
  let mixed = Math.imul(n + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) % bound;
}

function one<T>(list: readonly T[], n: number, salt: number): T {
  const found = list[pick(n, salt, list.length)];
  if (found === undefined) throw new Error('an empty list');
  return found;
}

export const isMachine = (n: number) => pick(n, 1, 20) === 0;
const givenName = (n: number) => one(givenNames, n, 2);
const familyName = (n: number) => one(familyNames, n, 3);
export const organizationOf = (n: number) => shares.findIndex((share) => pick(n, 4, 100) < share);

const plain = (name: string) => textKey(name).replace(/[^a-z]/g, '');

/** What the usernames of people with the same names begin with. */
export const usernamePrefix = (n: number) => `${plain(givenName(n))}.${plain(familyName(n))}.`;
export const username = (n: number) => (isMachine(n) ? `${one(jobs, n, 5)}-${n}` : `${usernamePrefix(n)}${n}`);
export const email = (n: number) =>
  isMachine(n) ? '' : `${plain(givenName(n))}.${plain(familyName(n))}${n}@${one(mailDomains, n, 6)}`;

/** Creations are spread evenly: `total` users over four years. */
const createdAt = (n: number, total: number) =>
  new Date(firstCreation + Math.floor((n / total) * (lastCreation - firstCreation)));

export function userId(n: number, total: number): string {
  const at = createdAt(n, total);
  return new Ids(node, () => at).next();
}

function stateOf(n: number): UserRow['state'] {
  const percent = pick(n, 7, 100);
  if (percent < 96) return 'active';
  return percent < 98 ? 'inactive' : percent < 99 ? 'locked' : 'initial';
}

export function userRow(n: number, total: number, organizations: readonly string[]): UserRow {
  const organizationId = organizations[organizationOf(n)];
  if (organizationId === undefined) throw new Error('an organization for each share is needed');
  const at = createdAt(n, total);
  const row: UserRow = {
    ...blank,
    id: userId(n, total),
    organizationId,
    state: stateOf(n),
    createdAt: at,
    changedAt: at,
    username: username(n),
    usernameKey: textKey(username(n)),
  };
  return isMachine(n)
    ? { ...row, type: 'machine', name: `${one(jobs, n, 5)} ${n}`, description: 'Loaded by the benchmark' }
    : { ...row, ...person(n) };
}

const blank = {
  type: 'human',
  sequence: 1n,
  ...{ givenName: '', givenNameKey: '', familyName: '', familyNameKey: '', nickName: '', nickNameKey: '' },
  ...{ displayName: '', displayNameKey: '', preferredLanguage: '', gender: 'unspecified' },
  ...{ email: '', emailKey: '', emailVerified: false, phone: '', phoneVerified: false },
  ...{ passwordChangeRequired: false, passwordChangedAt: null, mfaInitSkippedAt: null },
  ...{ name: '', description: '', accessTokenType: 'bearer', hasSecret: false, avatarKey: '' },
} satisfies Partial<UserRow>;

function person(n: number): Partial<UserRow> {
  const nickName = pick(n, 8, 5) === 0 ? one(nickNames, n, 9) : '';
  const displayName = `${givenName(n)} ${familyName(n)}`;
  const hasPhone = pick(n, 10, 3) === 0;
  return {
    ...{ givenName: givenName(n), familyName: familyName(n), nickName, displayName },
    ...{
      givenNameKey: keyOf(givenName(n)),
      familyNameKey: keyOf(familyName(n)),
      nickNameKey: keyOf(nickName),
      displayNameKey: keyOf(displayName),
    },
    preferredLanguage: one(languages, n, 11),
    gender: one(genders, n, 12),
    ...{ email: email(n), emailKey: textKey(email(n)), emailVerified: pick(n, 13, 10) > 0 },
    ...{ phone: hasPhone ? `+4179${String(n).padStart(7, '0')}` : '', phoneVerified: hasPhone },
  };
}

const keys = new Map<string, string>();

/** `textKey` of the few names that all people share. */
function keyOf(name: string): string {
  const key = keys.get(name) ?? textKey(name);
  keys.set(name, key);
  return key;
}

/** None for most; an employee number, or that and a department. */
export function metadataRows(n: number, total: number): MetadataRow[] {
  const at = createdAt(n, total);
  const entry = (key: string, value: string) => ({
    ...{ userId: userId(n, total), key, keyKey: keyOf(key), value: Buffer.from(value) },
    ...{ createdAt: at, changedAt: at },
  });
  const entries = [entry('employee-number', `E-${n}`), entry('department', one(departments, n, 14))];
  return entries.slice(0, Math.max(0, pick(n, 15, 6) - 3));
}
