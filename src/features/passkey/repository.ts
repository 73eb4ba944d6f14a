import { and, desc, eq } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { webauthnCredentials, webauthnRegistrations } from '../../kernel/db/schema.ts';

export type CredentialRow = typeof webauthnCredentials.$inferSelect;
export type Kind = CredentialRow['kind'];
export type Registration = typeof webauthnRegistrations.$inferSelect;

/** Newest last. */
export const listCredentials = (db: Db, userId: string): Promise<CredentialRow[]> =>
  db.select().from(webauthnCredentials).where(eq(webauthnCredentials.userId, userId)).orderBy(webauthnCredentials.createdAt);

/** Newest first: `passkey` ones of a user. */
export const listOfKind = (db: Db, userId: string, kind: Kind): Promise<CredentialRow[]> =>
  db
    .select()
    .from(webauthnCredentials)
    .where(and(eq(webauthnCredentials.userId, userId), eq(webauthnCredentials.kind, kind)))
    .orderBy(desc(webauthnCredentials.createdAt), desc(webauthnCredentials.id));

export async function findRegistration(tx: Tx, userId: string, kind: Kind): Promise<Registration | undefined> {
  const [row] = await tx.db.select().from(webauthnRegistrations).where(registration(userId, kind));
  return row;
}

/** One of a kind waits for each user: the one before is forgotten. */
export async function writeRegistration(tx: Tx, { userId, kind, ...row }: Registration): Promise<void> {
  await tx.db
    .insert(webauthnRegistrations)
    .values({ userId, kind, ...row })
    .onConflictDoUpdate({ target: [webauthnRegistrations.userId, webauthnRegistrations.kind], set: row });
}

/** Returns whether that very one was there. */
export async function deleteRegistration(tx: Tx, userId: string, kind: Kind, id: string): Promise<boolean> {
  const removed = await tx.db
    .delete(webauthnRegistrations)
    .where(and(registration(userId, kind), eq(webauthnRegistrations.id, id)))
    .returning({ id: webauthnRegistrations.id });
  return removed.length > 0;
}

const registration = (userId: string, kind: Kind) =>
  and(eq(webauthnRegistrations.userId, userId), eq(webauthnRegistrations.kind, kind));

/** False when the authenticator is registered already, whoever's it is. */
export async function insertCredential(tx: Tx, row: CredentialRow): Promise<boolean> {
  const added = await tx.db
    .insert(webauthnCredentials)
    .values(row)
    .onConflictDoNothing({ target: webauthnCredentials.credentialId })
    .returning({ id: webauthnCredentials.id });
  return added.length > 0;
}

/** Returns whether it was there. */
export async function deleteCredential(tx: Tx, userId: string, kind: Kind, id: string): Promise<boolean> {
  const { id: ownId, userId: owner, kind: ownKind } = webauthnCredentials;
  const removed = await tx.db
    .delete(webauthnCredentials)
    .where(and(eq(owner, userId), eq(ownKind, kind), eq(ownId, id)))
    .returning({ id: ownId });
  return removed.length > 0;
}

export async function findByCredentialId(tx: Tx, userId: string, credentialId: Buffer): Promise<CredentialRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(webauthnCredentials)
    .where(and(eq(webauthnCredentials.userId, userId), eq(webauthnCredentials.credentialId, credentialId)));
  return row;
}

/** After a sign-in. */
export async function markUsed(tx: Tx, id: string, counter: number, backedUp: boolean): Promise<void> {
  await tx.db.update(webauthnCredentials).set({ counter, backedUp, lastUsedAt: tx.now }).where(eq(webauthnCredentials.id, id));
}
