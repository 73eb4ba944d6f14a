import { and, eq, ne, sql } from 'drizzle-orm';
import type { Tx } from '../call.ts';
import { instanceMembers, instances, users } from '../db/schema.ts';
import { failure } from '../errors.ts';
import { instanceRolesOf } from './tokens.ts';

/** The role that holds every right on the instance. */
export const ownerRole = 'IAM_OWNER';

/** One at a time may take owners from the instance; held until the transaction ends. */
export async function lockInstance(tx: Tx): Promise<void> {
  await tx.db.select({ id: instances.id }).from(instances).for('update');
}

/** LAST_OWNER when the instance would be left without an owner who can act. The instance's row is locked. */
export async function keepAnOwner(tx: Tx, userId: string): Promise<void> {
  if (!(await hasAnotherOwner(tx, userId))) throw failure('LAST_OWNER');
}

async function hasAnotherOwner(tx: Tx, userId: string): Promise<boolean> {
  const another = and(
    ne(instanceMembers.userId, userId),
    sql`${ownerRole} = any(${instanceMembers.roles})`,
    eq(users.state, 'active'),
  );
  const rows = await tx.db
    .select({ userId: instanceMembers.userId })
    .from(instanceMembers)
    .innerJoin(users, eq(users.id, instanceMembers.userId))
    .where(another)
    .limit(1);
  return rows.length > 0;
}

/** Whether a user is the only owner who can act. The lock is taken only for owners: most users are none. */
export async function isLastOwner(tx: Tx, userId: string): Promise<boolean> {
  const isOwner = async () => (await instanceRolesOf(tx.db, userId)).includes(ownerRole);
  if (!(await isOwner())) return false;
  await lockInstance(tx);
  return (await isOwner()) && !(await hasAnotherOwner(tx, userId));
}

/** LAST_OWNER, for what ends or stops a user. */
export async function refuseLastOwner(tx: Tx, userId: string): Promise<void> {
  if (await isLastOwner(tx, userId)) throw failure('LAST_OWNER');
}
