// What ends or weakens the sessions of a person: each is one statement in the transaction of its cause, so that no token
// counts a moment longer. The caller has locked the user, as every check of a session does.
import { and, eq, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../call.ts';
import { prepared } from '../db/prepared.ts';
import { sessionCodes, sessions } from '../db/schema.ts';
import type { Channel } from '../outbox/message.ts';

/** No check counts any more but that of the user. */
const unchecked = {
  passwordVerifiedAt: null,
  intentVerifiedAt: null,
  intentProviderId: null,
  intentExternalId: null,
  webauthnVerifiedAt: null,
  webauthnUserVerified: false,
  webauthnCredentialId: null,
  totpVerifiedAt: null,
  otpSmsVerifiedAt: null,
  otpEmailVerifiedAt: null,
  recoveryCodeVerifiedAt: null,
} as const;

/** What is left of a session: who may be told that it has ended. */
export const ended = {
  ...unchecked,
  tokenHash: null,
  userVerifiedAt: null,
  stale: false,
  metadata: {},
  userAgent: null,
} as const;

/** After the user was deactivated, locked or deleted (ASVS 7.4.2). Nothing brings them back. */
export async function endSessions(tx: Tx, userId: string): Promise<void> {
  await ending(tx.db).execute({ userId, now: tx.now.toISOString() });
}

const now = sql`${sql.placeholder('now')}::timestamptz`;
const ending = prepared((db) =>
  db
    .update(sessions)
    .set({ ...ended, endedAt: now, sequence: sql`${sessions.sequence} + 1`, changedAt: now })
    .where(and(eq(sessions.userId, sql.placeholder('userId')), isNull(sessions.endedAt)))
    .prepare('end_sessions'),
);

/** After another password: all but the one that the call was made with (ASVS 7.4.3). */
export async function makeSessionsStale(tx: Tx, userId: string): Promise<void> {
  await write(tx, userId, { ...unchecked, stale: true }, others(tx));
}

/** What can be checked in a session, and taken away from a user. */
export type Factor =
  | { kind: 'webauthn'; credentialId: string }
  | { kind: 'link'; providerId: string; externalId: string }
  | { kind: 'totp' | 'recovery-code' }
  | { kind: 'otp'; channel: Channel };

/** After a factor was removed: those in which it was checked; in the one that the call was made with it no longer counts. */
export async function forgetFactor(tx: Tx, userId: string, factor: Factor): Promise<void> {
  const { used, cleared } = traceOf(factor);
  if (factor.kind === 'otp') await killSessionCodes(tx, userId, factor.channel);
  await write(tx, userId, { ...unchecked, stale: true }, and(used, others(tx)));
  if (tx.caller.sessionId !== undefined) await write(tx, userId, cleared, and(used, eq(sessions.id, tx.caller.sessionId)));
}

/** After a provider was deleted, and everybody's links with it. Its row is locked. */
export async function forgetProvider(tx: Tx, providerId: string): Promise<void> {
  await tx.db
    .update(sessions)
    .set({ ...unchecked, stale: true, sequence: sql`${sessions.sequence} + 1`, changedAt: tx.now })
    .where(and(eq(sessions.intentProviderId, providerId), isNull(sessions.endedAt)));
}

/** What a checked factor leaves in a session. */
function traceOf(factor: Factor): { used: SQL | undefined; cleared: Partial<typeof unchecked> } {
  switch (factor.kind) {
    case 'webauthn':
      return {
        used: eq(sessions.webauthnCredentialId, factor.credentialId),
        cleared: { webauthnVerifiedAt: null, webauthnUserVerified: false, webauthnCredentialId: null },
      };
    case 'link':
      return {
        used: and(eq(sessions.intentProviderId, factor.providerId), eq(sessions.intentExternalId, factor.externalId)),
        cleared: { intentVerifiedAt: null, intentProviderId: null, intentExternalId: null },
      };
    case 'totp':
      return { used: isNotNull(sessions.totpVerifiedAt), cleared: { totpVerifiedAt: null } };
    case 'recovery-code':
      return { used: isNotNull(sessions.recoveryCodeVerifiedAt), cleared: { recoveryCodeVerifiedAt: null } };
    case 'otp':
      return factor.channel === 'sms'
        ? { used: isNotNull(sessions.otpSmsVerifiedAt), cleared: { otpSmsVerifiedAt: null } }
        : { used: isNotNull(sessions.otpEmailVerifiedAt), cleared: { otpEmailVerifiedAt: null } };
  }
}

/** After another address or number: codes that went to the one before are worth nothing. */
export async function killSessionCodes(tx: Tx, userId: string, channel: Channel): Promise<void> {
  const own = tx.db.select({ id: sessions.id }).from(sessions).where(live(userId));
  await tx.db.delete(sessionCodes).where(and(eq(sessionCodes.channel, channel), sql`${sessionCodes.sessionId} in ${own}`));
}

const live = (userId: string) => and(eq(sessions.userId, userId), isNull(sessions.endedAt));

/** Without a session of the caller's own, all. */
const others = ({ caller }: Tx) => (caller.sessionId === undefined ? undefined : ne(sessions.id, caller.sessionId));

type Columns = Partial<typeof sessions.$inferInsert>;

async function write(tx: Tx, userId: string, columns: Columns, which?: SQL): Promise<void> {
  await tx.db
    .update(sessions)
    .set({ ...columns, sequence: sql`${sessions.sequence} + 1`, changedAt: tx.now })
    .where(and(live(userId), which));
}
