import type { Message, MessageInitShape } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import type {
  CreateUserRequest_HumanSchema,
  CreateUserRequest_MachineSchema,
} from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { newToken, tokenHash } from '../../src/kernel/auth/tokens.ts';
import type { Purpose } from '../../src/kernel/codes/codes.ts';
import { hashPassword } from '../../src/kernel/crypto/hashes/hashes.ts';
import { keyedHash } from '../../src/kernel/crypto/keys.ts';
import { textKey } from '../../src/kernel/names.ts';
import type { Clients, TestServer } from './server.ts';

let count = 0;

/** A word that no other test of this file has used. */
export const unique = (stem: string): string => `${stem}${++count}`;

/** The organization that came with the instance. */
export async function homeOf({ sql }: TestServer): Promise<string> {
  const [row] = await sql<{ id: string }[]>`select default_organization_id as id from instances`;
  if (!row) throw new Error('there is no instance');
  return row.id;
}

/** An organization of its own, with a verified domain: `<name>.example.com`, or the one given. Returns its id. */
export async function createOrganization(
  server: TestServer,
  { name = unique('Organization '), domain = '' } = {},
): Promise<string> {
  const { sql, app } = server;
  const id = app.ids.next();
  const primary = domain || `${textKey(name).replaceAll(' ', '-')}.example.com`;
  const now = app.clock().toISOString();
  await sql`insert into organizations (id, name, name_key, state, primary_domain, sequence, created_at, changed_at)
    values (${id}, ${name}, ${textKey(name)}, 'active', ${primary}, 1, ${now}, ${now})`;
  await sql`insert into organization_domains (domain, organization_id) values (${primary}, ${id})`;
  return id;
}

const hashes = new Map<string, Promise<string>>();

/** A password for somebody new, as it is stored: what takes long is worked out once for all who have the same one. */
export async function knownPassword(password: string) {
  const hash = hashes.get(password) ?? hashPassword(password);
  hashes.set(password, hash);
  return { case: 'hashedPassword', value: { hash: await hash } } as const;
}

interface Place {
  /** The organization that came with the instance, unless told otherwise. */
  organizationId?: string;
  userId?: string | undefined;
  username?: string | undefined;
}

/** The plain form of a message: what a literal is. */
export type Plain<S extends GenMessage<Message>> = Extract<MessageInitShape<S>, { $typeName?: never }>;
type Human = Plain<typeof CreateUserRequest_HumanSchema>;
type Machine = Plain<typeof CreateUserRequest_MachineSchema>;

/** Someone with a verified e-mail and no password. What is given replaces these. Returns the id. */
export async function createHuman(
  server: TestServer,
  { organizationId, userId, username, ...human }: Place & Human = {},
): Promise<string> {
  const profile = { givenName: 'Ada', familyName: 'Lovelace' };
  const email = { email: `${unique('person')}@example.net`, verification: { case: 'isVerified', value: true } } as const;
  const { id } = await server.as().users.createUser({
    organizationId: organizationId ?? (await homeOf(server)),
    userId,
    username,
    userType: { case: 'human', value: { profile, email, ...human } },
  });
  return id;
}

/** Returns the id. */
export async function createMachine(
  server: TestServer,
  { organizationId, userId, username, ...machine }: Place & Machine = {},
): Promise<string> {
  const { id } = await server.as().users.createUser({
    organizationId: organizationId ?? (await homeOf(server)),
    userId,
    username,
    userType: { case: 'machine', value: { name: unique('Machine '), ...machine } },
  });
  return id;
}

/** A token of anybody, people too, for a year. */
export async function tokenFor({ app, sql }: TestServer, userId: string): Promise<string> {
  const token = newToken();
  const now = app.clock();
  const expiry = new Date(now);
  expiry.setUTCFullYear(now.getUTCFullYear() + 1);
  await sql`insert into personal_access_tokens (id, user_id, hash, expires_at, created_at, changed_at)
    values (${app.ids.next()}, ${userId}, ${tokenHash(app.keys, token)}, ${expiry.toISOString()}, ${now.toISOString()}, ${now.toISOString()})`;
  return token;
}

/** Gives roles in place of the ones held: on the instance, or in the organization when one is named. */
export async function grant(
  { app, sql }: TestServer,
  userId: string,
  roles: readonly string[],
  organizationId?: string,
): Promise<void> {
  const now = app.clock().toISOString();
  if (organizationId === undefined) {
    await sql`insert into instance_members (user_id, roles, sequence, created_at, changed_at)
      values (${userId}, ${[...roles]}, 1, ${now}, ${now}) on conflict (user_id) do update set roles = excluded.roles`;
    return;
  }
  await sql`insert into organization_members (organization_id, user_id, roles, sequence, created_at, changed_at)
    values (${organizationId}, ${userId}, ${[...roles]}, 1, ${now}, ${now})
    on conflict (organization_id, user_id) do update set roles = excluded.roles`;
}

export interface Actor extends Clients {
  id: string;
  token: string;
}

/** Anybody who has a user, as a caller. */
export async function actAs(server: TestServer, id: string): Promise<Actor> {
  const token = await tokenFor(server, id);
  return { id, token, ...server.as(token) };
}

/** A machine with these roles in the organization, as a caller. It belongs to that organization. */
export async function createManager(server: TestServer, roles: readonly string[], organizationId: string): Promise<Actor> {
  const id = await createMachine(server, { organizationId });
  await grant(server, id, roles, organizationId);
  return actAs(server, id);
}

/** A machine with these roles on the instance, as a caller. */
export async function createInstanceManager(server: TestServer, roles: readonly string[]): Promise<Actor> {
  const id = await createMachine(server);
  await grant(server, id, roles);
  return actAs(server, id);
}

/** A machine that nobody gave any role, as a caller. */
export const createStranger = async (server: TestServer): Promise<Actor> => actAs(server, await createMachine(server));

/** A person as the owner reads it at once. */
export async function readHuman(server: TestServer, userId: string) {
  const { user, details } = await server.as().users.getUserByID({ userId });
  if (user?.type.case !== 'human' || !details) throw new Error(`${userId} is no person`);
  const { profile, email, phone, ...human } = user.type.value;
  if (!profile || !email || !phone) throw new Error(`${userId} lacks what every person has`);
  return { ...human, state: user.state, username: user.username, loginNames: user.loginNames, profile, email, phone, details };
}

/** The state, or that there is no such user. */
export async function readState(server: TestServer, userId: string): Promise<UserState> {
  const { user } = await server.as().users.getUserByID({ userId });
  return user?.state ?? UserState.UNSPECIFIED;
}

/** A code of a person in place of the one that is there; it lives for an hour. */
export async function leaveCode({ app, sql }: TestServer, userId: string, purpose: Purpose, code: string): Promise<string> {
  const hash = keyedHash(app.keys.code, JSON.stringify([userId, purpose, code]));
  const now = app.clock();
  const expiry = new Date(now.getTime() + 60 * 60 * 1000).toISOString();
  await sql`insert into codes (user_id, purpose, hash, expires_at, created_at)
    values (${userId}, ${purpose}, ${hash}, ${expiry}, ${now.toISOString()})
    on conflict (user_id, purpose) do update set hash = excluded.hash, failures = 0, expires_at = excluded.expires_at`;
  return code;
}

/** As PasswordReset leaves one. */
export const leaveResetCode = (server: TestServer, userId: string, code: string): Promise<string> =>
  leaveCode(server, userId, 'password', code);
