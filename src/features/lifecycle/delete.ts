// Owns: the end of a user. Its rows go with it; its history and its id's bond to the organization stay.
import { authorize } from '../../kernel/auth/authorize.ts';
import { can } from '../../kernel/auth/caller.ts';
import { refuseLastOwner } from '../../kernel/auth/owners.ts';
import { endSessions } from '../../kernel/auth/sessions.ts';
import { type Call, transaction } from '../../kernel/call.ts';
import { type Details, record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { removeUser } from './repository.ts';

export function deleteUser(call: Call, userId: string): Promise<Details> {
  return transaction(call, async (tx) => {
    const locked = await lockUser(tx, userId);
    const mayEndItself = locked?.id === tx.caller.id && can(tx.caller, 'user.self.delete', locked.organizationId);
    const user = mayEndItself ? locked : authorize(tx, locked);
    await refuseLastOwner(tx, userId);
    await endSessions(tx, userId);
    const details = await record(tx, userId, { type: 'user.deleted' });
    await removeUser(tx, { ...user, sequence: details.sequence });
    return details;
  });
}
