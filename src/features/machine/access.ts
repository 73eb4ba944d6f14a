import { authorize } from '../../kernel/auth/authorize.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import type { Call, UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';

/** Whoever gives or takes what somebody authenticates with needs all of his rights: HIGHER_RIGHTS, and what `authorize` refuses with. */
export async function authorizeHolder(
  call: Call,
  row: UserRow | undefined,
  options?: { unknown: 'USER_UNKNOWN' },
): Promise<UserRow> {
  const user = authorize(call, row, options);
  await refuseHigherRights(call, user.id);
  return user;
}

/**
 * The rule of whatever a machine is given to authenticate with: who holds it is that machine. USER_UNKNOWN,
 * USER_NOT_MACHINE, and what `authorizeHolder` refuses with.
 */
export async function authorizeMachine(call: Call, row: UserRow | undefined): Promise<void> {
  const user = await authorizeHolder(call, row, { unknown: 'USER_UNKNOWN' });
  if (user.type !== 'machine') throw failure('USER_NOT_MACHINE');
}
