import { and, eq, ne, sql } from 'drizzle-orm';
import type { Tx, UserRow } from '../../kernel/call.ts';
import { violatedConstraint } from '../../kernel/db/failures.ts';
import { deletedUsers, organizationDomains, organizations, users } from '../../kernel/db/schema.ts';
import { failure } from '../../kernel/errors.ts';
import { forgiveAllTries } from '../../kernel/guessing.ts';

/** Whether an organization exists; it stays until the transaction ends. */
export async function keepOrganization(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.db.select({ id: organizations.id }).from(organizations).where(eq(organizations.id, id)).for('key share');
  return rows.length > 0;
}

/** One at a time may take an id that callers choose; held until the transaction ends. */
export async function lockId(tx: Tx, id: string): Promise<void> {
  await tx.db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${id}, 0))`);
}

/** The user whose id this is, or was: a deleted user's id stays bound to its organization. */
export async function findIdOwner(
  tx: Tx,
  id: string,
): Promise<{ deleted: boolean; organizationId: string; sequence: bigint } | undefined> {
  const { organizationId, sequence } = users;
  const [alive] = await tx.db.select({ organizationId, sequence }).from(users).where(eq(users.id, id));
  if (alive) return { deleted: false, ...alive };
  const { organizationId: formerly, sequence: last } = deletedUsers;
  const [dead] = await tx.db
    .select({ organizationId: formerly, sequence: last })
    .from(deletedUsers)
    .where(eq(deletedUsers.id, id))
    .for('update');
  return dead && { deleted: true, ...dead };
}

/** Whether the domain is a verified one of another organization. */
export async function isClaimedElsewhere(tx: Tx, domain: string, organizationId: string): Promise<boolean> {
  const elsewhere = and(eq(organizationDomains.domain, domain), ne(organizationDomains.organizationId, organizationId));
  const rows = await tx.db.select({ domain: organizationDomains.domain }).from(organizationDomains).where(elsewhere);
  return rows.length > 0;
}

/** Whether the name is the verified e-mail of another user of the organization. */
export async function isVerifiedEmailOfAnother(tx: Tx, key: string, organizationId: string, userId: string): Promise<boolean> {
  const another = and(
    eq(users.organizationId, organizationId),
    eq(users.emailKey, key),
    eq(users.emailVerified, true),
    ne(users.id, userId),
  );
  const rows = await tx.db.select({ id: users.id }).from(users).where(another).limit(1);
  return rows.length > 0;
}

/** USERNAME_TAKEN and USER_ID_TAKEN when another one was faster. */
export async function insertUser(tx: Tx, row: typeof users.$inferInsert): Promise<UserRow> {
  const [user] = await refuseTaken(() => tx.db.insert(users).values(row).returning());
  if (!user) throw new Error(`user ${row.id} was not inserted`);
  return user;
}

/** Runs a write of a username; a name or an id that is taken becomes its error. */
export async function refuseTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    switch (violatedConstraint(error)) {
      case 'users_username':
        throw failure('USERNAME_TAKEN');
      case 'users_pkey':
        throw failure('USER_ID_TAKEN');
    }
    throw error;
  }
}

/** Removes a user with all that hangs on it, and keeps its id bound to its organization. */
export async function removeUser(tx: Tx, { id, organizationId, sequence }: UserRow): Promise<void> {
  await tx.db.delete(users).where(eq(users.id, id));
  await forgiveAllTries(tx.db, id);
  const grave = { organizationId, sequence, deletedAt: tx.now };
  await tx.db
    .insert(deletedUsers)
    .values({ id, ...grave })
    .onConflictDoUpdate({ target: deletedUsers.id, set: grave });
}

/** A deleted user's id is in use again. */
export async function forgetDeleted(tx: Tx, id: string): Promise<void> {
  await tx.db.delete(deletedUsers).where(eq(deletedUsers.id, id));
}
