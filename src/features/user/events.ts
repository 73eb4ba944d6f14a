import { eq, sql } from 'drizzle-orm';
import type { Tx, UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/client.ts';
import { placeholdersOf, prepared } from '../../kernel/db/prepared.ts';
import { userEvents, users } from '../../kernel/db/schema.ts';
import type { Channel } from '../../kernel/outbox/message.ts';

/** What happened to a user. Names of fields at most: values would be personal data that outlives the user. */
export type UserEvent =
  | { type: 'user.created' }
  | { type: 'user.deleted' }
  | { type: 'username.changed' }
  | { type: 'profile.changed'; fields: string[] }
  | { type: 'avatar.changed' | 'avatar.removed' }
  | { type: 'machine.changed'; fields: string[] }
  | { type: 'state.changed'; from: UserRow['state']; to: UserRow['state'] }
  | { type: 'email.changed' }
  | { type: 'email.verified' }
  | { type: 'email.code.created' }
  | { type: 'phone.changed' }
  | { type: 'phone.verified' }
  | { type: 'phone.removed' }
  | { type: 'phone.code.created' }
  | { type: 'password.changed' }
  | { type: 'password.check.failed' }
  | { type: 'password.rehashed' }
  | { type: 'password.code.created' }
  | { type: 'invite.code.created' }
  | { type: 'init.code.created' }
  | { type: 'mfa.init.skipped' }
  | { type: 'totp.registered' | 'totp.added' | 'totp.removed' }
  | { type: 'otp.added' | 'otp.removed'; channel: Channel }
  | { type: 'recovery.codes.added'; count: number }
  | { type: 'recovery.codes.removed' }
  | { type: 'passkey.code.created' }
  | { type: 'passkey.registered' | 'passkey.added' | 'passkey.removed'; credential: string }
  | { type: 'u2f.registered' | 'u2f.added' | 'u2f.removed'; credential: string }
  | { type: 'session.checked'; session: string; factors: readonly string[] }
  | { type: 'session.check.failed'; session: string; factor: string }
  | { type: 'link.added' | 'link.removed'; provider: string }
  | { type: 'metadata.set'; keys: string[] }
  | { type: 'metadata.removed'; keys: string[] }
  | { type: 'token.added'; tokenId: string }
  | { type: 'token.removed'; tokenId: string }
  | { type: 'key.added' | 'key.removed'; keyId: string }
  | { type: 'secret.added' | 'secret.removed' }
  | { type: 'member.added' | 'member.changed' | 'member.removed'; scope: MemberScope; roles: readonly string[] };

/** Where a membership's roles count. */
export type MemberScope = { on: 'instance' } | { on: 'organization'; id: string };

export interface Details {
  sequence: bigint;
  createdAt: Date;
  changedAt: Date;
  organizationId: string;
}

export const detailsOf = ({ sequence, createdAt, changedAt, organizationId }: UserRow): Details => ({
  sequence,
  createdAt,
  changedAt,
  organizationId,
});

export type UserColumns = Partial<typeof users.$inferInsert>;

/** Changes a user's columns and appends the event that tells of it, in one statement: there is no change without its history. */
export async function record(tx: Tx, userId: string, { type, ...payload }: UserEvent, columns?: UserColumns): Promise<Details> {
  const event = { type, payload: JSON.stringify(payload), callerId: tx.caller.id, now: tx.now.toISOString() };
  const recording = columns ? recordingWith(tx.db, columns) : recordingAlone(tx.db);
  const [row] = await recording.execute({ userId, ...event });
  if (!row) throw new Error(`no user ${userId} to record ${type} on`);
  return row;
}

const recordingAlone = prepared((db) => recordingWith(db, {}).prepare('record'));

function recordingWith(db: Db, columns: UserColumns) {
  const { sequence, createdAt, changedAt, organizationId } = users;
  const now = sql`${sql.placeholder('now')}::timestamptz`;
  const changed = db.$with('changed').as(
    db
      .update(users)
      .set({ ...columns, sequence: sql`${sequence} + 1`, changedAt: now })
      .where(eq(users.id, sql.placeholder('userId')))
      .returning({ sequence, createdAt, changedAt, organizationId }),
  );
  const told = ['userId', 'type', 'payload', 'callerId'].map((name) => sql.placeholder(name));
  const noted = db.$with('noted', {}).as(sql`
    insert into ${userEvents} (user_id, type, payload, caller_id, created_at, sequence, organization_id)
    select ${sql.join(told, sql`, `)}, ${now}, ${changed.sequence}, ${changed.organizationId} from ${changed}`);
  return db.with(changed, noted).select().from(changed);
}

/** Appends to the history of a user at the sequence that its row has now. */
export async function append(tx: Tx, user: UserRow, { type, ...payload }: UserEvent): Promise<void> {
  const { id, organizationId, sequence } = user;
  await appending(tx.db).execute({
    userId: id,
    sequence,
    organizationId,
    type,
    payload,
    callerId: tx.caller.id,
    createdAt: tx.now,
  });
}

const appending = prepared((db) => db.insert(userEvents).values(placeholdersOf(userEvents)).prepare('append'));
