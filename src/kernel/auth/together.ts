import { eq, sql } from 'drizzle-orm';
import type { UserRow } from '../call.ts';
import type { Db } from '../db/client.ts';
import { prepared } from '../db/prepared.ts';
import { instanceMembers, organizations, personalAccessTokens, users } from '../db/schema.ts';
import type { Memberships } from './caller.ts';
import { type Authenticated, callerColumns, callerOf, findCallerAndSubject, subjects, validToken } from './tokens.ts';

/** How a kind of token is looked up: with one user, and with several. */
export interface Finders {
  one: typeof findCallerAndSubject;
  several: typeof findCallerAndSubjects;
}

interface Asked {
  finders: Finders;
  time: Date;
  subject: string;
  resolve: (found: Authenticated | undefined) => void;
  reject: (error: unknown) => void;
}

/** What is asked in this turn of the event loop, by the token that asks. */
const asked = new WeakMap<Db, Map<string, Asked[]>>();

/** Users in one statement. */
const largest = 100;

/**
 * Postgres takes an array of unknown length for ten values. With as many or more it keeps the plan that it has made for
 * any; with fewer it would make a new one each time.
 */
const expected = 10;

/**
 * Finds a token's caller and one user, as `authenticate` does, in one statement with the others that the same token asks
 * for in the same turn of the event loop. One that is asked for alone waits for nothing. What different tokens ask for is
 * never put together.
 */
export function authenticateTogether(
  db: Db,
  hash: Buffer,
  time: Date,
  subject: string,
  finders = byPersonalAccessToken,
): Promise<Authenticated | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Authenticated | undefined>();
  let byToken = asked.get(db);
  if (!byToken) {
    byToken = new Map();
    asked.set(db, byToken);
    setImmediate(ask, db, byToken);
  }
  const token = hash.toString('latin1');
  const group = byToken.get(token);
  const question = { finders, time, subject, resolve, reject };
  if (group) group.push(question);
  else byToken.set(token, [question]);
  return promise;
}

function ask(db: Db, byToken: ReadonlyMap<string, Asked[]>): void {
  asked.delete(db);
  for (const [token, group] of byToken) {
    const hash = Buffer.from(token, 'latin1');
    for (let start = 0; start < group.length; start += largest) void answer(db, hash, group.slice(start, start + largest));
  }
}

async function answer(db: Db, hash: Buffer, group: readonly Asked[]): Promise<void> {
  try {
    const find = group.length === 1 ? one : several;
    const found = await find(db, hash, group);
    for (const { subject, resolve } of group) resolve(found && { caller: found.caller, subject: found.subjects.get(subject) });
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}

interface Found extends Pick<Authenticated, 'caller'> {
  subjects: ReadonlyMap<string, UserRow>;
}

interface Row {
  caller: Parameters<typeof callerOf>[0];
  subject: UserRow | null;
}

async function one(db: Db, hash: Buffer, [only]: readonly Asked[]): Promise<Found | undefined> {
  const { one: find } = only?.finders ?? byPersonalAccessToken;
  return foundIn(await find(db).execute({ hash, now: only?.time.toISOString(), subject: only?.subject }));
}

async function several(db: Db, hash: Buffer, group: readonly Asked[]): Promise<Found | undefined> {
  const ids = Array.from({ length: Math.max(group.length, expected) }, (_, n) => group[n % group.length]?.subject ?? '');
  // They differ by what a turn takes; the last one is the strictest.
  const now = new Date(Math.max(...group.map(({ time }) => time.getTime()))).toISOString();
  const { several: find } = group[0]?.finders ?? byPersonalAccessToken;
  return foundIn(await find(db).execute({ hash, now, ids }));
}

function foundIn(rows: readonly Row[]): Found | undefined {
  const [row] = rows;
  if (!row) return undefined;
  return {
    caller: callerOf(row.caller),
    subjects: new Map(rows.flatMap(({ subject }) => (subject ? [[subject.id, subject]] : []))),
  };
}

const findCallerAndSubjects = prepared((db) => {
  // With its limit it is a step of its own, so that the roles are gathered once and not for each user.
  const callers = db
    .select({ ...callerColumns, organizations: sql<Memberships['organizations']>`${callerColumns.organizations}`.as('within') })
    .from(personalAccessTokens)
    .innerJoin(users, eq(users.id, personalAccessTokens.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .where(validToken)
    .limit(1)
    .as('callers');
  const { id, organizationId, type, instance, organizations: within } = callers;
  return db
    .select({ caller: { id, organizationId, type, instance, organizations: within }, subject: subjects })
    .from(callers)
    .leftJoin(subjects, sql`${subjects.id} = any(${sql.placeholder('ids')}::text[])`)
    .prepare('find_caller_and_subjects');
});

const byPersonalAccessToken: Finders = { one: findCallerAndSubject, several: findCallerAndSubjects };
