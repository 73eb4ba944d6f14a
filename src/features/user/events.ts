import { eq, sql } from 'drizzle-orm';
import type { Tx, UserRow } from '../../kernel/call.ts';
import { userEvents, users } from '../../kernel/db/schema.ts';
import type { Channel } from '../../kernel/outbox/message.ts';

/** What happened to a user. Names of fields at most: values would be personal data that outlives the user. */
export type UserEvent =
  | { type: 'user.created' }
  | { type: 'user.deleted' }
  | { type: 'username.changed' }
  | { type: 'profile.changed'; fields: string[] }
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

/** Changes a user's columns and appends the event that tells of it: there is no change without its history. */
export async function record(tx: Tx, userId: string, event: UserEvent, columns: UserColumns = {}): Promise<Details> {
  const [row] = await tx.db
    .update(users)
    .set({ ...columns, sequence: sql`${users.sequence} + 1`, changedAt: tx.now })
    .where(eq(users.id, userId))
    .returning();
  if (!row) throw new Error(`no user ${userId} to record ${event.type} on`);
  await append(tx, row, event);
  return detailsOf(row);
}

/** Appends to the history of a user at the sequence that its row has now. */
export async function append(tx: Tx, user: UserRow, { type, ...payload }: UserEvent): Promise<void> {
  const { id, organizationId, sequence } = user;
  await tx.db
    .insert(userEvents)
    .values({ userId: id, sequence, organizationId, type, payload, callerId: tx.caller.id, createdAt: tx.now });
}
