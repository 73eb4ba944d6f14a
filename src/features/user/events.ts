import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Call, Tx, UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { completed, placeholdersOf, prepared } from '../../kernel/db/prepared.ts';
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
  | { type: 'key.checked'; keyId: string; tokenId: string }
  | { type: 'secret.checked'; tokenId: string }
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
export async function record(tx: Tx, userId: string, event: UserEvent, columns: UserColumns = {}): Promise<Details> {
  const [row] = await recordingOf(columns)(tx.db).execute({ ...columns, ...eventValues(tx, userId, event) });
  if (!row) throw new Error(`no user ${userId} to record ${event.type} on`);
  return row;
}

/** What `recordingSteps` have placeholders for. */
export const eventValues = ({ caller, now }: Pick<Call, 'caller' | 'now'>, userId: string, { type, ...payload }: UserEvent) => ({
  'event.userId': userId,
  'event.type': type,
  'event.payload': JSON.stringify(payload),
  'event.callerId': caller.id,
  'event.time': now.toISOString(),
});

/** By the columns that are changed with it: of these there are few combinations. */
const recordings = new Map<string, ReturnType<typeof recording>>();

function recordingOf(columns: UserColumns): ReturnType<typeof recording> {
  const names = Object.keys(columns).sort();
  const key = names.join();
  const known = recordings.get(key) ?? recording(names);
  recordings.set(key, known);
  return known;
}

function recording(names: readonly string[]) {
  const columns = Object.fromEntries(Object.entries(placeholdersOf(users)).filter(([name]) => names.includes(name)));
  return prepared((db) => {
    const { changed, noted } = recordingSteps(db, columns);
    return db.with(changed, noted).select().from(changed).prepare('record');
  });
}

/** Of a statement: changes a user and tells of it, where the condition holds. */
export function recordingSteps(db: Db, columns: Record<string, SQL>, condition?: SQL) {
  const { sequence, createdAt, changedAt, organizationId } = users;
  const time = sql`${sql.placeholder('event.time')}::timestamptz`;
  const changed = db.$with('changed').as(
    db
      .update(users)
      .set({ ...columns, sequence: sql`${sequence} + 1`, changedAt: time })
      .where(and(eq(users.id, sql.placeholder('event.userId')), condition))
      .returning({ sequence, createdAt, changedAt, organizationId }),
  );
  const told = ['userId', 'type', 'payload', 'callerId'].map((name) => sql.placeholder(`event.${name}`));
  const noted = db.$with('noted', {}).as(sql`
    insert into ${userEvents} (user_id, type, payload, caller_id, created_at, sequence, organization_id)
    select ${sql.join(told, sql`, `)}, ${time}, ${changed.sequence}, ${changed.organizationId} from ${changed}`);
  return { changed, noted };
}

/** Inserts a user and the event that tells of it, in one statement. */
export async function recordCreation(tx: Tx, row: typeof users.$inferInsert): Promise<UserRow> {
  const event = { 'event.type': 'user.created', 'event.callerId': tx.caller.id };
  const [user] = await creating(tx.db).execute({ ...completed(users, row), ...event });
  if (!user) throw new Error(`user ${row.id} was not inserted`);
  return user;
}

const creating = prepared((db) => {
  const created = db.$with('created').as(db.insert(users).values(placeholdersOf(users)).returning());
  const { id, organizationId, sequence, createdAt } = created;
  const noted = db.$with('noted', {}).as(sql`
    insert into ${userEvents} (user_id, type, payload, caller_id, created_at, sequence, organization_id)
    select ${id}, ${sql.placeholder('event.type')}, '{}', ${sql.placeholder('event.callerId')}, ${createdAt}, ${sequence}, ${organizationId}
    from ${created}`);
  return db.with(created, noted).select().from(created).prepare('record_creation');
});
