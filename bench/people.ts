// Who is in the database: user n is the same in every run, so that requests can name users without asking for them.
// Told twice, here for requests and in rows.ts for Postgres, which makes the rows itself; load.ts holds the two together.
import { Ids } from '../src/kernel/ids.ts';
import { textKey } from '../src/kernel/names.ts';

export const givenNames = (
  'Anna Luca Mia Noah Zoë José Chloé Jürgen Søren Beatriz Matteo Léa Jonas Sofía ' +
  'Emil Ingrid Mateusz Olga Piotr Yusuf Amélie Dario Elif Finn Giulia Hana Ivan Julia ' +
  'Karim Leonie Marco Nadia Oskar Paula Quentin Renée Stefan Tamara Ursula Viktor Wanda Xavier'
).split(' ');
export const familyNames = [
  ...['Müller', 'Meier', 'Schmid', 'Keller', 'Weber', 'Huber', 'Schneider', 'Steiner', 'Fischer', 'Gerber', 'Brunner', 'Baumann'],
  ...['Frei', 'Zimmermann', 'Moser', 'Widmer', 'Wyss', 'Graf', 'Roth', 'Baumgartner', 'Suter', 'Bühler', 'Kaufmann', 'Lehmann'],
  ...['Rossi', 'Bianchi', 'Ferrari', 'Dubois', 'Favre', 'Rochat', 'García', 'Fernández', 'López', 'Martínez', 'Silva', 'Santos'],
  ...['Novák', 'Kowalski', 'Nowak', 'Petrov', 'Ivanova', 'Yılmaz', 'Kaya', 'Andersson', 'Hansen', 'Nielsen', 'Nguyen', 'Tanaka'],
];
export const nickNames = ['Sunny', 'Ace', 'Flash', 'Bee', 'Tiger', 'Robin', 'Lucky', 'Fox'];
export const jobs = ['backup', 'billing', 'deploy', 'import', 'metrics', 'mail', 'sync', 'report'];
export const mailDomains = ['example.com', 'mail.example.org', 'firm.example', 'school.example.net', 'post.example.ch'];
export const languages = ['de', 'fr', 'it', 'en', 'pt-BR', 'und'];
export const genders = ['unspecified', 'female', 'male', 'diverse'];
export const departments = ['sales', 'engineering', 'finance', 'support', 'legal', 'research'];

/** The first of two organizations have that many percent of the users, both together that many; small ones share the rest. */
export const shares = { large: 80, largeAndMiddle: 95 };
const usersPerSmall = 1_000;
export const smallOrganizations = (total: number) => Math.ceil(total / usersPerSmall);

const firstCreation = Date.UTC(2022, 0, 1);
const lastCreation = Date.UTC(2026, 0, 1);
/** Milliseconds between two creations: `total` users over four years. */
export const pace = (total: number) => Math.floor((lastCreation - firstCreation) / total);
export const createdAt = (n: number, total: number) => new Date(firstCreation + n * pace(total));

/** The process that their ids claim to come from; the service counts its own from 1. */
const node = 900;

export function userId(n: number, total: number): string {
  const at = createdAt(n, total);
  return new Ids(node, () => at).next();
}

/** A number below `bound`, a million at most, that depends on n and salt only, as even as if thrown. */
function pick(n: number, salt: number, bound: number): number {
  const first = Math.imul(Math.imul(n + 1, 2 * salt + 1), 2654435761) >>> 0;
  const second = Math.imul(first ^ (first >>> 15), 741103597) >>> 0;
  return (second >>> 8) % bound;
}

/** The same for Postgres, as one expression, which it inlines. No product exceeds a bigint, up to 50 million users. */
const first = '((n + 1) * (2 * salt + 1) * 2654435761 & 4294967295)';
export const pickInPostgres = `
  create function pg_temp.pick(n bigint, salt bigint, bound bigint) returns bigint language sql immutable as $$
    select ((((${first} # (${first} >> 15)) * 741103597) & 4294967295) >> 8) % bound
  $$`;

export const salts = {
  ...{ machine: 1, givenName: 2, familyName: 3, organization: 4, job: 5, mailDomain: 6, state: 7, nickNamed: 8, nickName: 9 },
  ...{ phone: 10, language: 11, gender: 12, verified: 13, department: 14, metadata: 15, small: 16 },
};

function one(list: readonly string[], n: number, salt: number): string {
  const found = list[pick(n, salt, list.length)];
  if (found === undefined) throw new Error('an empty list');
  return found;
}

export const isMachine = (n: number) => pick(n, salts.machine, 20) === 0;
/** The person nearest to user n, downwards: machines have no e-mail, and user 0 is a person. */
export const personFrom = (n: number): number => (isMachine(n) ? personFrom(n - 1) : n);

/** A name as it stands in usernames and addresses. */
export const plain = (name: string) => textKey(name).replace(/[^a-z]/g, '');
export const givenName = (n: number) => one(givenNames, n, salts.givenName);
export const familyName = (n: number) => one(familyNames, n, salts.familyName);

/** What the usernames of people with the same names begin with. */
export const usernamePrefix = (n: number) => `${plain(givenName(n))}.${plain(familyName(n))}.`;
export const username = (n: number) => (isMachine(n) ? `${one(jobs, n, salts.job)}-${n}` : `${usernamePrefix(n)}${n}`);
export const email = (n: number) =>
  isMachine(n) ? '' : `${plain(givenName(n))}.${plain(familyName(n))}${n}@${one(mailDomains, n, salts.mailDomain)}`;
/** E.164, of a third of the people. */
export const phone = (n: number) => (isMachine(n) || pick(n, salts.phone, 3) > 0 ? '' : `+4179${String(n).padStart(8, '0')}`);
