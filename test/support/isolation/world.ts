// Two organizations that hold the same, and everybody who may come and ask.
import { importedRow } from '../../../src/features/totp/service.ts';
import { codeWithId } from '../../../src/kernel/codes/codes.ts';
import { codePurpose, webauthnKind } from '../../../src/kernel/db/schema.ts';
import { channels } from '../../../src/kernel/outbox/message.ts';
import { createHuman, createMachine, createOrganization, grant, homeOf, leaveCode, tokenFor, unique } from '../actors.ts';
import { Authenticator } from '../authenticator.ts';
import { epoch, type TestServer } from '../server.ts';
import { addIntent, addLink, addProviders } from './providers.ts';
import { addSession, makeReady, proven, type Session, type SessionColumns, sessionsOf } from './sessions.ts';
import {
  challenge,
  code,
  foreignId,
  metadataKey,
  type Part,
  password,
  rpId,
  sessionTokenOf,
  signer,
  totpSecret,
} from './values.ts';

export interface Person {
  id: string;
  organizationId: string;
  type: 'human' | 'machine';
  /** Roles on the instance. */
  instance: readonly string[];
  /** Roles by organization. */
  within: Readonly<Record<string, readonly string[]>>;
  /** A token that nobody calls with, and registrations that wait for an answer. */
  parts: Readonly<Record<Part, string>>;
}

export interface Caller {
  name: string;
  authorization: string | undefined;
  /** Undefined when the token is none, or none that counts. */
  person: Person | undefined;
}

/** Whom nothing is answered. */
export interface Stranger extends Caller {
  person: undefined;
  refused: string;
}

/** What a request may be about. Each is in both organizations. */
export const stages = [
  'human',
  'machine',
  'inactive',
  'locked',
  'member',
  'instanceMember',
  'invited',
  'ready',
  'initial',
] as const;
export type Stage = (typeof stages)[number];

export interface Place {
  id: string;
  domain: string;
  people: Readonly<Record<Stage, Person>>;
  /** Id of a user that is gone. */
  deletedId: string;
  /** Ids of sessions that belong to nobody: not yet, and not any more. */
  sessions: Readonly<Record<'open' | 'ended', string>>;
}

export interface World {
  mine: Place;
  theirs: Place;
  /** Of `mine`, with every right there is. */
  higher: Readonly<Record<Person['type'], Person>>;
  owner: Caller;
  /** Whom the server knows, the owner among them. */
  callers: readonly Caller[];
  strangers: readonly Stranger[];
  people: ReadonlyMap<string, Person>;
  sessions: ReadonlyMap<string, Session>;
}

export async function createWorld(server: TestServer): Promise<World> {
  const [home, mineId, theirsId] = [await homeOf(server), await createOrganization(server), await createOrganization(server)];
  await addProviders(server, [mineId, theirsId]);
  await addIntent(server);
  const people = new Map<string, Person>();
  const make = async (type: Person['type'], organizationId: string, { instance = [], within = {} }: Roles = {}) => {
    const person = await createPerson(server, type, organizationId, { instance, within });
    people.set(person.id, person);
    return person;
  };
  // People call with a session, machines with a token that was made for them.
  const caller = async (name: string, coming: Promise<Person>): Promise<Caller> => {
    const person = await coming;
    const token = person.type === 'human' ? await signIn(server, person) : await tokenFor(server, person.id);
    return { name, authorization: `Bearer ${token}`, person };
  };
  const mine = await createPlace(server, mineId, make, signer);
  const theirs = await createPlace(server, theirsId, make, new Authenticator());
  const owner = await caller('IAM_OWNER', make('machine', home, { instance: ['IAM_OWNER'] }));
  const maker = await caller('machine without roles, which made the sessions here', make('machine', mineId));
  const callers = [
    maker,
    await caller('human without roles', make('human', mineId)),
    await caller('human who may delete himself', make('human', mineId, { within: { [mineId]: ['ORG_USER_SELF_MANAGER'] } })),
    await caller('ORG_OWNER of the other', make('machine', theirsId, { within: { [theirsId]: ['ORG_OWNER'] } })),
    await caller('ORG_USER_MANAGER', make('machine', mineId, { within: { [mineId]: ['ORG_USER_MANAGER'] } })),
    // What somebody may do decides where he is a member, not where he lives.
    await caller(
      'ORG_OWNER_VIEWER from the other',
      make('human', theirsId, { within: { [mineId]: ['ORG_OWNER_VIEWER'], [theirsId]: ['ORG_OWNER'] } }),
    ),
    await caller('ORG_OWNER', make('human', mineId, { within: { [mineId]: ['ORG_OWNER'] } })),
    await caller('IAM_OWNER_VIEWER', make('machine', home, { instance: ['IAM_OWNER_VIEWER'] })),
    await caller('IAM_USER_MANAGER', make('machine', home, { instance: ['IAM_USER_MANAGER'] })),
    await caller('IAM_LOGIN_CLIENT', make('machine', home, { instance: ['IAM_LOGIN_CLIENT'] })),
    owner,
  ];
  const full = { instance: ['IAM_OWNER'] };
  const higher = { human: await make('human', mineId, full), machine: await make('machine', mineId, full) };
  const strangers = await createStrangers(server);
  await server.sql`update sessions set creator_id = ${maker.person?.id ?? ''}
    where organization_id = ${mineId} or id = ${mine.sessions.open}`;
  return { mine, theirs, higher, owner, callers, strangers, people, sessions: await sessionsOf(server) };
}

async function signIn(server: TestServer, { id, organizationId }: Person): Promise<string> {
  return sessionTokenOf(await addSession(server, `${id}-calling`, { user_id: id, organization_id: organizationId, ...proven }));
}

type Roles = Partial<Pick<Person, 'instance' | 'within'>>;

async function createPerson(
  server: TestServer,
  type: Person['type'],
  organizationId: string,
  { instance, within }: Required<Roles>,
): Promise<Person> {
  const id = type === 'human' ? await createFullHuman(server, organizationId) : await createMachine(server, { organizationId });
  await server.as().users.setUserMetadata({ userId: id, metadata: [{ key: metadataKey, value: Buffer.from('x') }] });
  await tokenFor(server, id);
  const [row] = await server.sql<{ token: string; username: string }[]>`
    select t.id as token, username from users u join personal_access_tokens t on t.user_id = u.id where u.id = ${id}`;
  if (!row) throw new Error(`${id} has no token`);
  const key = await addKey(server, id);
  const session = await addSession(server, `${id}-session`, { user_id: id, organization_id: organizationId });
  const parts = {
    token: row.token,
    key,
    passkey: `${id}-passkey`,
    u2f: `${id}-u2f`,
    session,
    sessionToken: sessionTokenOf(session),
    loginName: row.username,
  };
  if (type === 'machine') await server.as().users.addSecret({ userId: id });
  if (type === 'human') await addFactors(server, id, parts);
  if (type === 'human') await addAvatar(server, id);
  if (type === 'human') await addLink(server, id);
  if (instance.length > 0) await grant(server, id, instance);
  for (const [organization, roles] of Object.entries(within)) await grant(server, id, roles, organization);
  return { id, organizationId, type, instance, within, parts };
}

/** Which nobody has: it is there to be listed and removed. Of anybody, people too. Returns its id. */
async function addKey({ sql }: TestServer, userId: string): Promise<string> {
  const id = `${userId}-key`;
  const later = new Date(epoch.getTime() + 60_000).toISOString();
  await sql`insert into machine_keys (id, user_id, public_key, expires_at, created_at, changed_at)
    values (${id}, ${userId}, 'key', ${later}, ${epoch}, ${epoch})`;
  return id;
}

/** A code for each purpose, and one of each factor in a state that most calls can do something with. */
async function addFactors(server: TestServer, userId: string, parts: Person['parts']): Promise<void> {
  const { sql, app } = server;
  for (const purpose of codePurpose.enumValues) {
    await leaveCode(server, userId, purpose, purpose === 'passkey' ? codeWithId(foreignId, code) : code);
  }
  const later = new Date(app.clock().getTime() + 60_000).toISOString();
  for (const kind of webauthnKind.enumValues) {
    await sql`insert into webauthn_registrations (user_id, kind, id, rp_id, challenge, expires_at)
      values (${userId}, ${kind}, ${parts[kind]}, ${rpId}, ${challenge}, ${later})`;
  }
  const { secret } = importedRow(app, userId, totpSecret);
  await sql`insert into totps (user_id, secret, ready) values (${userId}, ${secret}, false)`;
  await sql`insert into recovery_salts (user_id, salt) values (${userId}, ${Buffer.alloc(16, 3)})`;
  await sql`insert into recovery_codes (user_id, hash) values (${userId}, ${Buffer.alloc(32, 4)})`;
}

const createFullHuman = (server: TestServer, organizationId: string): Promise<string> =>
  createHuman(server, {
    organizationId,
    phone: { phone: '+41446681800', verification: { case: 'isVerified', value: true } },
    passwordType: { case: 'password', value: { password, changeRequired: false } },
  });

/** A picture, to be removed. */
async function addAvatar({ sql }: TestServer, userId: string): Promise<void> {
  await sql`insert into avatars (user_id, key, image) values (${userId}, ${`of ${userId}`}, 'picture')`;
  await sql`update users set avatar_key = ${`of ${userId}`} where id = ${userId}`;
}

type Make = (type: Person['type'], organizationId: string, roles?: Roles) => Promise<Person>;

async function createPlace(server: TestServer, id: string, make: Make, authenticator: Authenticator): Promise<Place> {
  const { sql } = server;
  const people = {
    human: await make('human', id),
    machine: await make('machine', id),
    inactive: await make('human', id),
    locked: await make('human', id),
    member: await make('human', id, { within: { [id]: ['ORG_PROJECT_PERMISSION_EDITOR'] } }),
    instanceMember: await make('human', id, { instance: ['IAM_OWNER_VIEWER'] }),
    invited: await make('human', id),
    ready: await make('human', id),
    initial: await make('human', id),
  };
  await makeReady(server, { id: people.ready.id, sessionId: people.ready.parts.session, authenticator });
  const sessions = {
    open: await addSession(server, `${id}-open`),
    ended: await addSession(server, `${id}-ended`, { user_id: people.human.id, organization_id: id, ended_at: epoch }),
  };
  await sql`delete from user_passwords where user_id = ${people.invited.id}`;
  await sql`delete from provider_links where user_id = ${people.invited.id}`;
  await sql`insert into invites (user_id, mailed) values (${people.invited.id}, true)`;
  for (const channel of channels) {
    await sql`insert into otp_factors (user_id, channel, created_at) values (${people.invited.id}, ${channel}, now())`;
  }
  await sql`update users set state = 'inactive', email_verified = false where id = ${people.inactive.id}`;
  await sql`update users set state = 'initial', email_verified = false, phone_verified = false where id = ${people.initial.id}`;
  await sql`update users set state = 'locked' where id = ${people.locked.id}`;
  const deletedId = await createHuman(server, { organizationId: id });
  await server.as().users.deleteUser({ userId: deletedId });
  const [row] = await sql<{ domain: string }[]>`select primary_domain as domain from organizations where id = ${id}`;
  return { id, domain: row?.domain ?? '', people, deletedId, sessions };
}

/** Those who once had a right, or claim one. Nobody of them may be let in. */
async function createStrangers(server: TestServer): Promise<Stranger[]> {
  const { sql, token: known } = server;
  const unknown = { person: undefined, refused: 'unauthenticated UNAUTHENTICATED' };
  type Fall = (id: string, organizationId: string) => Promise<unknown>;
  const fallen = async (name: string, fall: Fall): Promise<Stranger> => {
    const organizationId = await createOrganization(server);
    const id = await createMachine(server, { organizationId });
    await grant(server, id, ['IAM_OWNER']);
    const authorization = `Bearer ${await tokenFor(server, id)}`;
    await fall(id, organizationId);
    return { name, authorization, ...unknown };
  };
  const signedIn = async (name: string, columns: SessionColumns, fall?: Fall): Promise<Stranger> => {
    const organizationId = await createOrganization(server);
    const id = await createHuman(server, { organizationId });
    await grant(server, id, ['IAM_OWNER']);
    const session = await addSession(server, `${id}-calling`, { user_id: id, organization_id: organizationId, ...columns });
    await fall?.(id, organizationId);
    return { name, authorization: `Bearer ${sessionTokenOf(session)}`, ...unknown };
  };
  const claims: [string, string | undefined][] = [
    ['no token', undefined],
    ['malformed header', `Basic ${known}`],
    ['bare token', known],
    ['unknown token', `Bearer ${unique('roster_pat_')}`],
    ['token with a tail', `Bearer ${known}x`],
  ];
  return [
    ...claims.map(([name, authorization]) => ({ name, authorization, ...unknown })),
    await fallen('deactivated', (id) => sql`update users set state = 'inactive' where id = ${id}`),
    await fallen('locked', (id) => sql`update users set state = 'locked' where id = ${id}`),
    await fallen('of a closed organization', (_, id) => sql`update organizations set state = 'inactive' where id = ${id}`),
    await fallen(
      'with an expired token',
      (id) => sql`update personal_access_tokens set expires_at = created_at where user_id = ${id}`,
    ),
    await signedIn('deactivated, in a session', proven, (id) => sql`update users set state = 'inactive' where id = ${id}`),
    await signedIn('locked, in a session', proven, (id) => sql`update users set state = 'locked' where id = ${id}`),
    await signedIn(
      'of a closed organization, in a session',
      proven,
      (_, id) => sql`update organizations set state = 'inactive' where id = ${id}`,
    ),
    await signedIn('in a session that has expired', { ...proven, expires_at: epoch }),
    await signedIn('in a session that has ended', { ...proven, ended_at: epoch }),
    await signedIn('in a session from before another password', { ...proven, stale: true }),
    {
      ...(await signedIn('in a session in which only the user was checked', {})),
      refused: 'permission_denied SESSION_UNPROVEN',
    },
    {
      ...(await signedIn(
        'in a session without the second factor',
        { password_verified_at: epoch },
        (id) => sql`insert into otp_factors (user_id, channel, created_at) values (${id}, 'email', ${epoch})`,
      )),
      refused: 'permission_denied MFA_NEEDED',
    },
  ];
}
