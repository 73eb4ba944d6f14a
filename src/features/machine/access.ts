import { authorize } from '../../kernel/auth/authorize.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import type { Call, UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';

/**
 * The rule of whatever a machine is given to authenticate with: who holds it is that machine, so the caller needs all the
 * rights that the machine has. USER_UNKNOWN, HIGHER_RIGHTS, USER_NOT_MACHINE, and what `authorize` refuses with.
 */
export async function authorizeMachine(call: Call, row: UserRow | undefined): Promise<void> {
  const user = authorize(call, row, { unknown: 'USER_UNKNOWN' });
  await refuseHigherRights(call, user.id);
  if (user.type !== 'machine') throw failure('USER_NOT_MACHINE');
}
