import { and, ne, sql } from 'drizzle-orm';
import type { Tx } from '../call.ts';
import { instanceMembers, instances } from '../db/schema.ts';
import { failure } from '../errors.ts';

/** The role that holds every right on the instance. */
export const ownerRole = 'IAM_OWNER';

/** One at a time may take roles from members of the instance; held until the transaction ends. */
export async function lockInstance(tx: Tx): Promise<void> {
  await tx.db.select({ id: instances.id }).from(instances).for('update');
}

/** LAST_OWNER when no owner of the instance would be left without this user. The instance's row is locked. */
export async function keepAnOwner(tx: Tx, userId: string): Promise<void> {
  const other = and(ne(instanceMembers.userId, userId), sql`${ownerRole} = any(${instanceMembers.roles})`);
  const rows = await tx.db.select({ userId: instanceMembers.userId }).from(instanceMembers).where(other).limit(1);
  if (rows.length === 0) throw failure('LAST_OWNER');
}
