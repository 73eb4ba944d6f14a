import { randomBytes } from 'node:crypto';
import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import type { App } from '../call.ts';
import { type Keys, keyedHash } from '../crypto/keys.ts';
import type { Db } from '../db/driver.ts';
import { prepared } from '../db/prepared.ts';
import { instanceMembers, organizationMembers, organizations, personalAccessTokens, users } from '../db/schema.ts';
import { type Caller, type Memberships, rightsOf } from './caller.ts';
import { findWithSubjects, isAmongSubjects, isSubject, subjects } from './subjects.ts';

/** 256 bits; ASVS 7.2.3 asks for 128. The prefix lets secret scanners find tokens that leaked. */
export const newToken = (): string => `roster_pat_${randomBytes(32).toString('base64url')}`;

export const tokenHash = (keys: Keys, token: string): Buffer => keyedHash(keys.token, token);

const memberships = {
  instance: instanceMembers.roles,
  organizations: sql<Memberships['organizations']>`(
    select jsonb_object_agg(${organizationMembers.organizationId}, to_jsonb(${organizationMembers.roles}))
    from ${organizationMembers} where ${organizationMembers.userId} = ${users.id})`.as('organizations'),
};

/** What makes a caller, of a row of users with the row of its membership of the instance. */
export const callerColumns = { id: users.id, organizationId: users.organizationId, type: users.type, ...memberships };

type CallerColumns = Pick<Caller, 'id' | 'organizationId' | 'type'> & Memberships;

export const callerOf = ({ id, organizationId, type, instance, organizations: within }: CallerColumns): Caller => ({
  ...{ id, organizationId, type },
  ...rightsOf({ instance, organizations: within }),
});

// The state of user, organization and token is judged here, with every call: ending any of them bites at once.
const callersOf = (db: Db) =>
  db
    .select(callerColumns)
    .from(personalAccessTokens)
    .innerJoin(users, eq(users.id, personalAccessTokens.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .where(
      and(
        eq(personalAccessTokens.hash, sql.placeholder('hash')),
        gt(personalAccessTokens.expiresAt, sql.placeholder('now')),
        eq(users.state, 'active'),
        eq(organizations.state, 'active'),
      ),
    )
    // With its limit it is a step of its own: the roles are gathered once and not for each subject.
    .limit(1)
    .as('callers');

const statements = {
  alone: prepared((db) => db.select().from(callersOf(db)).prepare('find_caller')),
  withOne: prepared((db) => withSubject(db, isSubject).prepare('find_caller_and_subject')),
  withSeveral: prepared((db) => withSubject(db, isAmongSubjects).prepare('find_caller_and_subjects')),
};

function withSubject(db: Db, condition: SQL) {
  const callers = callersOf(db);
  return db
    .select({ ...callers._.selectedFields, subject: subjects })
    .from(callers)
    .leftJoin(subjects, condition);
}

/** Whom a personal access token stands for, and the users with these ids; undefined when it may not be used. */
export async function findByAccessToken({ db }: Pick<App, 'db'>, hash: Buffer, time: Date, ids: readonly string[]) {
  // Drizzle hands a placeholder's value to the driver as it is, and has taught the driver not to touch dates.
  const found = await findWithSubjects(db, statements, { hash, now: time.toISOString() }, ids);
  return found && { caller: callerOf(found.row), subjects: found.subjects };
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
