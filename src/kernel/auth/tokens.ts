import { randomBytes } from 'node:crypto';
import { and, eq, gt, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { UserRow } from '../call.ts';
import { type Keys, keyedHash } from '../crypto/keys.ts';
import type { Db } from '../db/driver.ts';
import { prepared } from '../db/prepared.ts';
import { instanceMembers, organizationMembers, organizations, personalAccessTokens, users } from '../db/schema.ts';
import { type Caller, type Memberships, rightsOf } from './caller.ts';

/** 256 bits; ASVS 7.2.3 asks for 128. The prefix lets secret scanners find tokens that leaked. */
export const newToken = (): string => `roster_pat_${randomBytes(32).toString('base64url')}`;

export const tokenHash = (keys: Keys, token: string): Buffer => keyedHash(keys.token, token);

const memberships = {
  instance: instanceMembers.roles,
  organizations: sql<Memberships['organizations']>`(
    select jsonb_object_agg(${organizationMembers.organizationId}, to_jsonb(${organizationMembers.roles}))
    from ${organizationMembers} where ${organizationMembers.userId} = ${users.id})`,
};

/** What makes a caller, of a row of users with the row of its membership of the instance. */
export const callerColumns = { id: users.id, organizationId: users.organizationId, type: users.type, ...memberships };

// The state of user, organization and token is judged here, with every call: ending any of them bites at once.
export const validToken = and(
  eq(personalAccessTokens.hash, sql.placeholder('hash')),
  gt(personalAccessTokens.expiresAt, sql.placeholder('now')),
  eq(users.state, 'active'),
  eq(organizations.state, 'active'),
);

const findCaller = prepared((db) =>
  db
    .select(callerColumns)
    .from(personalAccessTokens)
    .innerJoin(users, eq(users.id, personalAccessTokens.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .where(validToken)
    .prepare('find_caller'),
);

/** The user asked for. */
export const subjects = alias(users, 'subjects');

export const findCallerAndSubject = prepared((db) =>
  db
    .select({ caller: callerColumns, subject: subjects })
    .from(personalAccessTokens)
    .innerJoin(users, eq(users.id, personalAccessTokens.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .leftJoin(subjects, eq(subjects.id, sql.placeholder('subject')))
    .where(validToken)
    .prepare('find_caller_and_subject'),
);

export interface Authenticated {
  caller: Caller;
  subject: UserRow | undefined;
}

/** Who a token stands for; undefined when the token may not be used. */
export async function authenticate(db: Db, hash: Buffer, time: Date): Promise<Authenticated | undefined> {
  // Drizzle hands a placeholder's value to the driver as it is, and has taught the driver not to touch dates.
  const [row] = await findCaller(db).execute({ hash, now: time.toISOString() });
  return row && { caller: callerOf(row), subject: undefined };
}

export function callerOf({
  instance,
  organizations: within,
  ...caller
}: Pick<Caller, 'id' | 'organizationId' | 'type'> & Memberships): Caller {
  return { ...caller, ...rightsOf({ instance, organizations: within }) };
}

/** The rights of another user, to hold against the caller's. */
export async function rightsOfUser(db: Db, userId: string): Promise<Pick<Caller, 'everywhere' | 'within'>> {
  const [row] = await db
    .select(memberships)
    .from(users)
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .where(eq(users.id, userId));
  return rightsOf(row ?? { instance: null, organizations: null });
}

/** The roles that a user has on the instance. */
export async function instanceRolesOf(db: Db, userId: string): Promise<string[]> {
  const [row] = await db.select({ roles: instanceMembers.roles }).from(instanceMembers).where(eq(instanceMembers.userId, userId));
  return row?.roles ?? [];
}
