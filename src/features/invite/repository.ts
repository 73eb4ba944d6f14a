import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import { invites, webauthnCredentials } from '../../kernel/db/schema.ts';

export type Invite = Omit<typeof invites.$inferSelect, 'userId'>;

export async function findInvite(tx: Tx, userId: string): Promise<Invite | undefined> {
  const [row] = await tx.db.select().from(invites).where(eq(invites.userId, userId));
  return row;
}

export async function hasPasskey(tx: Tx, userId: string): Promise<boolean> {
  const rows = await tx.db
    .select({ id: webauthnCredentials.id })
    .from(webauthnCredentials)
    .where(and(eq(webauthnCredentials.userId, userId), eq(webauthnCredentials.kind, 'passkey')))
    .limit(1);
  return rows.length > 0;
}

export async function writeInvite(tx: Tx, userId: string, invite: Invite): Promise<void> {
  await tx.db
    .insert(invites)
    .values({ userId, ...invite })
    .onConflictDoUpdate({ target: invites.userId, set: invite });
}
