import { isLastOwner } from '../../kernel/auth/owners.ts';
import { endSessions } from '../../kernel/auth/sessions.ts';
import type { Tx } from '../../kernel/call.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';

/**
 * Records a wrong password, and locks the user with it where the operator has set a number of tries in a row and this is
 * the last of them. The last owner who can act is never locked: nobody could unlock him.
 */
export async function recordWrongPassword(tx: Tx, userId: string, failures: number): Promise<void> {
  const user = await lockUser(tx, userId);
  // Deleted since the password was looked at.
  if (!user) return;
  await record(tx, userId, { type: 'password.check.failed' });
  const { lockAfterPasswordTries: limit } = tx.settings;
  // Who has no password has nothing that could be guessed.
  const lockable = (user.state === 'active' || user.state === 'initial') && user.passwordChangedAt !== null;
  if (limit === 0 || failures < limit || !lockable || (await isLastOwner(tx, userId))) return;
  await endSessions(tx, userId);
  await record(tx, userId, { type: 'state.changed', from: user.state, to: 'locked' }, { state: 'locked' });
}
