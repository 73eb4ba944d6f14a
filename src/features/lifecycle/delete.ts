// Owns: the end of a user. Its rows go with it; its history and its id's bond to the organization stay.
import { authorize } from '../../kernel/auth/authorize.ts';
import { can } from '../../kernel/auth/caller.ts';
import { keepAnOwner, lockInstance, ownerRole } from '../../kernel/auth/owners.ts';
import { instanceRolesOf } from '../../kernel/auth/tokens.ts';
import { type Call, type Tx, transaction } from '../../kernel/call.ts';
import { type Details, record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { removeUser } from './repository.ts';

export function deleteUser(call: Call, userId: string): Promise<Details> {
  return transaction(call, async (tx) => {
    const locked = await lockUser(tx, userId);
    const mayEndItself = locked?.id === tx.caller.id && can(tx.caller, 'user.self.delete', locked.organizationId);
    const user = mayEndItself ? locked : authorize(tx, locked);
    await refuseLastOwner(tx, userId);
    const details = await record(tx, userId, { type: 'user.deleted' });
    await removeUser(tx, { ...user, sequence: details.sequence });
    return details;
  });
}

/** Members change under the instance's lock, which is looked for only here: most users own nothing. */
async function refuseLastOwner(tx: Tx, userId: string): Promise<void> {
  const isOwner = async () => (await instanceRolesOf(tx.db, userId)).includes(ownerRole);
  if (!(await isOwner())) return;
  await lockInstance(tx);
  if (await isOwner()) await keepAnOwner(tx, userId);
}
