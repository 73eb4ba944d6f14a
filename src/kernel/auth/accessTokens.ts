// The tokens that machines get for a key or a secret, opaque ones and JWTs: how long they live, and whom each stands for. A
// JWT counts no longer than its row does, like any other token.
import { randomBytes } from 'node:crypto';
import { and, eq, gt, sql } from 'drizzle-orm';
import { prepared } from '../db/prepared.ts';
import { accessTokens, instanceMembers, organizations, users } from '../db/schema.ts';
import type { Memberships } from './caller.ts';
import type { Finders } from './together.ts';
import { callerColumns, subjects } from './tokens.ts';

/** Milliseconds, as in the original. */
export const accessTokenLifetimeMs = 12 * 3_600_000;

const prefix = 'roster_at_';

/** 256 bits (ASVS 7.2.3 asks for 128). */
export const newAccessToken = (): string => prefix + randomBytes(32).toString('base64url');

export const isAccessToken = (token: string): boolean => token.startsWith(prefix);

/** Whether a token has the form of a signed JWT (RFC 7515, 3.1), which begins with a brace. */
export const isJwt = (token: string): boolean => /^e[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

// The state of user, organization and token is judged here, with every call; what took the token away took its row.
const valid = and(
  eq(accessTokens.hash, sql.placeholder('hash')),
  gt(accessTokens.expiresAt, sql.placeholder('now')),
  eq(users.state, 'active'),
  eq(organizations.state, 'active'),
);

/** How `authenticateTogether` finds whom an access token stands for. */
export const byAccessToken: Finders = {
  one: prepared((db) =>
    db
      .select({ caller: callerColumns, subject: subjects })
      .from(accessTokens)
      .innerJoin(users, eq(users.id, accessTokens.userId))
      .innerJoin(organizations, eq(organizations.id, users.organizationId))
      .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
      .leftJoin(subjects, eq(subjects.id, sql.placeholder('subject')))
      .where(valid)
      .prepare('find_access_caller_and_subject'),
  ),

  several: prepared((db) => {
    const callers = db
      .select({ ...callerColumns, organizations: sql<Memberships['organizations']>`${callerColumns.organizations}`.as('within') })
      .from(accessTokens)
      .innerJoin(users, eq(users.id, accessTokens.userId))
      .innerJoin(organizations, eq(organizations.id, users.organizationId))
      .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
      .where(valid)
      .limit(1)
      .as('callers');
    const { id, organizationId, type, instance, organizations: within } = callers;
    return db
      .select({ caller: { id, organizationId, type, instance, organizations: within }, subject: subjects })
      .from(callers)
      .leftJoin(subjects, sql`${subjects.id} = any(${sql.placeholder('ids')}::text[])`)
      .prepare('find_access_caller_and_subjects');
  }),
};
