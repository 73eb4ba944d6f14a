import { randomBytes } from 'node:crypto';
import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import { type Keys, keyedHash } from '../crypto/keys.ts';
import type { Db } from '../db/driver.ts';
import { prepared } from '../db/prepared.ts';
import {
  type accessTokens,
  instanceMembers,
  organizationMembers,
  organizations,
  personalAccessTokens,
  users,
} from '../db/schema.ts';
import { type Caller, type Memberships, rightsOf } from './caller.ts';
import { type Find, findWithSubjects, isAmongSubjects, isSubject, subjects } from './subjects.ts';

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

/** Users with what makes them callers, where their organization and their membership of the instance are at hand. */
const selectCallers = (db: Db) =>
  db
    .select(callerColumns)
    .from(users)
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id));

/** The state of user and organization is judged with every call: ending either bites at once. */
const mayCall = and(eq(users.state, 'active'), eq(organizations.state, 'active'));

/**
 * The one caller of whom the condition holds. With its limit it is a step of its own: the roles are gathered once and not for
 * each subject.
 */
export const callerWho = (db: Db, condition: SQL) => selectCallers(db).where(and(condition, mayCall)).limit(1).as('callers');

/** The statements that find one caller, alone and with subjects. `name`: for who watches Postgres. */
export function callerStatements(name: string, callersOf: (db: Db) => ReturnType<typeof callerWho>) {
  const withSubject = (db: Db, condition: SQL) => {
    const callers = callersOf(db);
    const columns = { ...callers._.selectedFields, subject: subjects };
    return db.select(columns).from(callers).leftJoin(subjects, condition);
  };
  return {
    alone: prepared((db) => db.select().from(callersOf(db)).prepare(name)),
    withOne: prepared((db) => withSubject(db, isSubject).prepare(`${name}_with_one`)),
    withSeveral: prepared((db) => withSubject(db, isAmongSubjects).prepare(`${name}_with_several`)),
  };
}

/** Finds whom a token of this kind stands for. Ending the token bites at once, too. */
export function bearersIn(table: typeof personalAccessTokens | typeof accessTokens, name: string): Find {
  const isToken = and(eq(table.hash, sql.placeholder('hash')), gt(table.expiresAt, sql.placeholder('now')));
  const statements = callerStatements(name, (db) =>
    selectCallers(db).innerJoin(table, eq(table.userId, users.id)).where(and(isToken, mayCall)).limit(1).as('callers'),
  );
  return async ({ db, keys }, token, time, ids) => {
    // Drizzle hands a placeholder's value to the driver as it is, and has taught the driver not to touch dates.
    const found = await findWithSubjects(db, statements, { hash: tokenHash(keys, token), now: time.toISOString() }, ids);
    return found && { caller: callerOf(found.row), subjects: found.subjects };
  };
}

export const findByPersonalAccessToken = bearersIn(personalAccessTokens, 'find_by_personal_access_token');

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
  const [row] = await rolesOf(db).execute({ userId });
  return row?.roles ?? [];
}

const rolesOf = prepared((db) =>
  db
    .select({ roles: instanceMembers.roles })
    .from(instanceMembers)
    .where(eq(instanceMembers.userId, sql.placeholder('userId')))
    .prepare('find_instance_roles'),
);
