import { and, eq, ne, sql } from 'drizzle-orm';
import type { Tx, UserRow } from '../../kernel/call.ts';
import { violatedConstraint } from '../../kernel/db/failures.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { deletedUsers, organizationDomains, organizations, users } from '../../kernel/db/schema.ts';
import { failure } from '../../kernel/errors.ts';
import { forgiveAllTries } from '../../kernel/guessing.ts';

/** Whether an organization exists; it stays until the transaction ends. */
export async function keepOrganization(tx: Tx, id: string): Promise<boolean> {
  const rows = await keeping(tx.db).execute({ id });
  return rows.length > 0;
}

const keeping = prepared((db) =>
  db
    .select({ id: organizations.id })
    .from(organizations)
    .where(eq(organizations.id, sql.placeholder('id')))
    .for('key share')
    .prepare('keep_organization'),
);

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
  const rows = await claiming(tx.db).execute({ domain, organizationId });
  return rows.length > 0;
}

const claiming = prepared((db) =>
  db
    .select({ domain: organizationDomains.domain })
    .from(organizationDomains)
    .where(
      and(
        eq(organizationDomains.domain, sql.placeholder('domain')),
        ne(organizationDomains.organizationId, sql.placeholder('organizationId')),
      ),
    )
    .prepare('find_claim'),
);

/** Whether the name is the verified e-mail of another user of the organization. */
export async function isVerifiedEmailOfAnother(tx: Tx, key: string, organizationId: string, userId: string): Promise<boolean> {
  const rows = await emailOfAnother(tx.db).execute({ key, organizationId, userId });
  return rows.length > 0;
}

const emailOfAnother = prepared((db) =>
  db
    .select({ id: users.id })
    .from(users)
    .where(
      and(
        eq(users.organizationId, sql.placeholder('organizationId')),
        eq(users.emailKey, sql.placeholder('key')),
        eq(users.emailVerified, true),
        ne(users.id, sql.placeholder('userId')),
      ),
    )
    .limit(1)
    .prepare('find_email_of_another'),
);

/** Runs a write of a username; a name or an id that is taken becomes its error: USERNAME_TAKEN, USER_ID_TAKEN. */
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
