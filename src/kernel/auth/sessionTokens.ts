// The tokens of people: a session's token stands for its user while enough was checked in the session.
import { randomBytes } from 'node:crypto';
import { and, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { App } from '../call.ts';
import type { Db } from '../db/driver.ts';
import { prepared } from '../db/prepared.ts';
import { instanceMembers, organizations, otpFactors, sessions, totps, users, webauthnCredentials } from '../db/schema.ts';
import type { Reason } from '../reasons.ts';
import { type CheckTimes, levelOf } from './level.ts';
import { type Find, findWithSubjects, isAmongSubjects, isSubject, subjects } from './subjects.ts';
import { callerColumns, callerOf, tokenHash } from './tokens.ts';

const prefix = 'roster_session_';

/** 256 bits (ASVS 7.2.3 asks for 128). */
export const newSessionToken = (): string => prefix + randomBytes(32).toString('base64url');

export const isSessionToken = (token: string): boolean => token.startsWith(prefix);

/** Whether the user has set up something to sign in with that a password alone must not stand for. */
const hasSecondFactor = sql<boolean>`(
  exists (select from ${totps} where ${totps.userId} = ${users.id} and ${totps.ready})
  or exists (select from ${otpFactors} where ${otpFactors.userId} = ${users.id})
  or exists (select from ${webauthnCredentials} where ${webauthnCredentials.userId} = ${users.id}))`.as('has_second_factor');

const checkColumns = {
  sessionId: sql<string>`${sessions.id}`.as('session_id'),
  passwordVerifiedAt: sessions.passwordVerifiedAt,
  intentVerifiedAt: sessions.intentVerifiedAt,
  webauthnVerifiedAt: sessions.webauthnVerifiedAt,
  webauthnUserVerified: sessions.webauthnUserVerified,
  totpVerifiedAt: sessions.totpVerifiedAt,
  otpSmsVerifiedAt: sessions.otpSmsVerifiedAt,
  otpEmailVerifiedAt: sessions.otpEmailVerifiedAt,
  recoveryCodeVerifiedAt: sessions.recoveryCodeVerifiedAt,
  hasSecondFactor,
};

/** Whether a session has neither ended nor expired by `now`, nor began so early that none of then lives any longer. */
const valid = and(
  eq(sessions.tokenHash, sql.placeholder('hash')),
  isNull(sessions.endedAt),
  or(isNull(sessions.expiresAt), gt(sessions.expiresAt, sql.placeholder('now'))),
  gt(sessions.createdAt, sql.placeholder('earliest')),
  eq(sessions.stale, false),
  eq(users.state, 'active'),
  eq(organizations.state, 'active'),
);

const callersOf = (db: Db) =>
  db
    .select({ ...callerColumns, ...checkColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .where(valid)
    .limit(1)
    .as('callers');

const statements = {
  alone: prepared((db) => db.select().from(callersOf(db)).prepare('find_session_caller')),
  withOne: prepared((db) => withSubject(db, isSubject).prepare('find_session_caller_and_subject')),
  withSeveral: prepared((db) => withSubject(db, isAmongSubjects).prepare('find_session_caller_and_subjects')),
};

function withSubject(db: Db, condition: SQL) {
  const callers = callersOf(db);
  return db
    .select({ ...callers._.selectedFields, subject: subjects })
    .from(callers)
    .leftJoin(subjects, condition);
}

/**
 * Whom a session's token stands for. Refused with SESSION_UNPROVEN where nothing but the user was checked, with MFA_NEEDED
 * where one factor was and more are needed: judged from what the session and the user have at this moment.
 */
export const findBySessionToken: Find = async ({ db, keys, settings }, token, time, ids) => {
  const values = { hash: tokenHash(keys, token), now: time.toISOString(), earliest: earliestOf(settings, time) };
  const found = await findWithSubjects(db, statements, values, ids);
  if (!found) return undefined;
  const { row, subjects } = found;
  const refusal = refusalOf(row, row.hasSecondFactor || settings.mfaRequired);
  return refusal ? { refusal } : { caller: { ...callerOf(row), sessionId: row.sessionId }, subjects };
};

/** The limit holds for sessions too that began before the operator set it. */
const earliestOf = ({ sessionLifetimeMs }: App['settings'], now: Date): string =>
  sessionLifetimeMs === undefined ? '-infinity' : new Date(now.getTime() - sessionLifetimeMs).toISOString();

function refusalOf(checks: CheckTimes, secondNeeded: boolean): Reason | undefined {
  const level = levelOf(checks);
  if (level === 0) return 'SESSION_UNPROVEN';
  return level === 1 && secondNeeded ? 'MFA_NEEDED' : undefined;
}
