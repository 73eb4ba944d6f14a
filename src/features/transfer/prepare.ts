import { setImmediate } from 'node:timers/promises';
import type { ConnectError } from '@connectrpc/connect';
import type { Call } from '../../kernel/call.ts';
import { invalidField, type Told, toldBy } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import {
  checkNewUser,
  defaultUsername,
  type NewHuman,
  type NewMachine,
  type NewUser,
  namesOf,
  prepareSecret,
} from '../lifecycle/create.ts';
import type { MetadataEntry } from '../metadata/service.ts';
import { refusalOf as policyRefusal } from '../password/policy.ts';
import { findPolicy, instance } from '../password/policyRepository.ts';
import { type Line, objectIn } from './lines.ts';
import { parseRecord } from './parse.ts';
import type { MetadataValue, Providers, UserRecord } from './record.ts';

/** A line that did not become a user, and why. */
export interface Refusal extends Pick<Told, 'reason' | 'message' | 'field'> {
  line: number;
  userId?: string | undefined;
  username?: string | undefined;
}

/** A user that nothing can be said against without looking anything up. */
export interface Candidate {
  line: number;
  organizationId: string;
  id: string;
  username: string;
  usernameKey: string;
  record: UserRecord;
  user: NewUser;
  /** What the policy has against the password, to be told in its turn. */
  refusal: ConnectError | undefined;
  /** Of the password; never there in a rehearsal. */
  hash: string | undefined;
}

export interface Prepared {
  candidates: Candidate[];
  refusals: Refusal[];
}

/** Lines after which others get their turn: the database waits for the event loop, too. */
export const slice = 5;
/** Passwords that are hashed at once: enough for every core, and too few to be told that there are too many. */
const hashedAtOnce = 16;

/**
 * Reads lines, and holds each against the rules that need no other user. `organizationId` is for those that name none;
 * a provider that `providers` does not know is called here as it is there.
 */
export async function prepare(
  call: Call,
  lines: readonly Line[],
  { organizationId, providers, rehearsal }: { organizationId: string; providers: Providers; rehearsal: boolean },
): Promise<Prepared> {
  const prepared: Prepared = { candidates: [], refusals: [] };
  for (const [index, line] of lines.entries()) {
    if (index % slice === 0) await setImmediate();
    let record: UserRecord | undefined;
    try {
      record = linkedHere(parseRecord(objectIn(line)), providers);
      const user = checkNewUser(call, toNewUser(record));
      checkTimes(call, record);
      prepared.candidates.push(candidateOf(call, line, record.organizationId ?? organizationId, record, user));
    } catch (error) {
      prepared.refusals.push(refusalOf(error, line.number, record));
    }
  }
  await (rehearsal ? judgePasswords : hashPasswords)(call, prepared.candidates);
  return prepared;
}

function linkedHere(record: UserRecord, providers: Providers): UserRecord {
  if (providers.size === 0 || record.idpLinks === undefined) return record;
  return { ...record, idpLinks: record.idpLinks.map((link) => ({ ...link, idpId: providers.get(link.idpId) ?? link.idpId })) };
}

function candidateOf({ ids }: Call, line: Line, organizationId: string, record: UserRecord, user: NewUser): Candidate {
  const id = user.userId ?? ids.next();
  const username = user.username ?? defaultUsername(user.details, id);
  const names = { organizationId, id, username, usernameKey: textKey(username) };
  return { line: line.number, ...names, record, user, refusal: undefined, hash: undefined };
}

/** What an error says against a line; throws on what is no fault of the line. */
export function refusalOf(error: unknown, line: number, record: UserRecord | undefined): Refusal {
  const told = toldBy(error);
  if (!told) throw error;
  const field = told.field === undefined ? undefined : fieldAt(told.field);
  const message = told.message.replace(/^The request /, 'The line ');
  return { line, userId: record?.userId, username: record?.username ?? record?.email, reason: told.reason, message, field };
}

const renamed: Record<string, string> = {
  'email.email': 'email',
  'phone.phone': 'phone',
  'hashed_password.hash': 'passwordHash',
};

/** Where the field of a request stands in a line. */
const fieldAt = (path: string): string =>
  renamed[path] ?? path.replace(/^profile\./, '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function toNewUser(record: UserRecord): NewUser {
  const { userId, username, metadata = {}, type } = record;
  const entries = Object.entries(metadata).map(([key, value]) => ({ key, value: bytesOf(value) }));
  return { userId, username, metadata: entries, details: type === 'human' ? toHuman(record) : toMachine(record) };
}

const bytesOf = (value: MetadataValue): MetadataEntry['value'] =>
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.base64, 'base64');

function toHuman(record: UserRecord): NewHuman {
  const { givenName = '', familyName = '', nickName, displayName, preferredLanguage, gender } = record;
  const { email: address = '', emailVerified, phone: number, phoneVerified, idpLinks = [], totpSecret } = record;
  return {
    type: 'human',
    path: '',
    profile: { givenName, familyName, nickName, displayName, preferredLanguage, gender },
    email: { address, verification: { kind: emailVerified ? 'verified' : 'none' } },
    // Nothing is sent: an import issues no codes.
    phone: number === undefined ? undefined : { number, verification: { kind: phoneVerified ? 'verified' : 'send' } },
    password: toPassword(record),
    links: idpLinks.map(({ idpId, userId, userName }) => ({ providerId: idpId, externalId: userId, userName })),
    totpSecret,
  };
}

function toPassword({ password, passwordHash, passwordChangeRequired: changeRequired = false }: UserRecord) {
  if (password !== undefined) return { kind: 'plain', password, changeRequired } as const;
  return passwordHash === undefined ? undefined : ({ kind: 'hash', hash: passwordHash, changeRequired } as const);
}

const toMachine = ({ name = '', description = '', accessTokenType = 'bearer' }: UserRecord): NewMachine => ({
  type: 'machine',
  name,
  description,
  accessTokenType,
});

function checkTimes({ now }: Call, { createdAt, passwordChangedAt }: UserRecord): void {
  for (const [field, time] of Object.entries({ createdAt, passwordChangedAt }))
    if (time && time > now) throw invalidField('TIME_AHEAD', field, { field });
}

async function hashPasswords(call: Call, candidates: readonly Candidate[]): Promise<void> {
  const waiting = candidates.filter(({ record }) => record.password !== undefined || record.passwordHash !== undefined).values();
  const hashOn = async () => {
    for (const candidate of waiting) {
      const password = await prepareSecret(call, candidate.user);
      if (password?.refusal) candidate.refusal = password.refusal;
      else candidate.hash = password?.hash;
    }
  };
  await Promise.all(Array.from({ length: hashedAtOnce }, hashOn));
}

/** Hashing takes some hundred times as long, and tells nothing more. */
async function judgePasswords(call: Call, candidates: readonly Candidate[]): Promise<void> {
  const policy = await findPolicy(call, instance);
  for (const candidate of candidates) {
    const { details, username } = candidate.user;
    if (details.type === 'human' && details.password?.kind === 'plain')
      candidate.refusal = policyRefusal(policy, details.password.password, namesOf(username, details));
  }
}
