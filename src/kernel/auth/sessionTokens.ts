// The tokens of people: a session's token stands for its user while enough was checked in the session.
import { randomBytes } from 'node:crypto';
import { and, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { App } from '../call.ts';
import type { Db } from '../db/driver.ts';
import { prepared } from '../db/prepared.ts';
import { instanceMembers, organizations, otpFactors, sessions, totps, users, webauthnCredentials } from '../db/schema.ts';
import { failure } from '../errors.ts';
import { type CheckTimes, levelOf } from './level.ts';
import { type Authenticated, callerColumns, callerOf, subjects } from './tokens.ts';

const prefix = 'roster_session_';

/** 256 bits (ASVS 7.2.3 asks for 128). */
export const newSessionToken = (): string => prefix + randomBytes(32).toString('base64url');

export const isSessionToken = (token: string): boolean => token.startsWith(prefix);

/** Whether the user has set up something to sign in with that a password alone must not stand for. */
const hasSecondFactor: SQL<boolean> = sql<boolean>`(
  exists (select from ${totps} where ${totps.userId} = ${users.id} and ${totps.ready})
  or exists (select from ${otpFactors} where ${otpFactors.userId} = ${users.id})
  or exists (select from ${webauthnCredentials} where ${webauthnCredentials.userId} = ${users.id}))`;

const checkColumns = {
  sessionId: sessions.id,
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

const findCaller = prepared((db) =>
  db
    .select({ caller: callerColumns, checks: checkColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .where(valid)
    .prepare('find_session_caller'),
);

const findCallerAndSubject = prepared((db) =>
  db
    .select({ caller: callerColumns, checks: checkColumns, subject: subjects })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .leftJoin(instanceMembers, eq(instanceMembers.userId, users.id))
    .leftJoin(subjects, eq(subjects.id, sql.placeholder('subject')))
    .where(valid)
    .prepare('find_session_caller_and_subject'),
);

/**
 * Whom a session's token stands for, as `authenticate` finds it. SESSION_UNPROVEN where nothing but the user was checked,
 * MFA_NEEDED where one factor was and more are needed: judged from what the session and the user have at this moment.
 */
export async function authenticateSession(
  { db, settings }: Pick<App, 'settings'> & { db: Db },
  hash: Buffer,
  time: Date,
  subject?: string,
): Promise<Authenticated | undefined> {
  const values = { hash, now: time.toISOString(), earliest: earliestOf(settings, time) };
  const [row] =
    subject === undefined
      ? (await findCaller(db).execute(values)).map((found) => ({ ...found, subject: null }))
      : await findCallerAndSubject(db).execute({ ...values, subject });
  if (!row) return undefined;
  const { sessionId, hasSecondFactor: second, ...checks } = row.checks;
  refuseUnproven(checks, second || settings.mfaRequired);
  return { caller: { ...callerOf(row.caller), sessionId }, subject: row.subject ?? undefined };
}

/** The limit holds for sessions too that began before the operator set it. */
const earliestOf = ({ sessionLifetimeMs }: App['settings'], now: Date): string =>
  sessionLifetimeMs === undefined ? '-infinity' : new Date(now.getTime() - sessionLifetimeMs).toISOString();

function refuseUnproven(checks: CheckTimes, secondNeeded: boolean): void {
  const level = levelOf(checks);
  if (level === 0) throw failure('SESSION_UNPROVEN');
  if (level === 1 && secondNeeded) throw failure('MFA_NEEDED');
}
