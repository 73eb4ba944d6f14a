import type { Tx } from '../call.ts';
import { failure } from '../errors.ts';
import { type Caller, can, canEverywhere } from './caller.ts';
import type { Permission } from './roles.ts';
import { rightsOfUser } from './tokens.ts';

/**
 * Whoever changes the credentials of a user could then act as that user: so nobody may, who lacks a right that the
 * user has. Oneself excepted.
 */
export async function refuseHigherRights(tx: Tx, userId: string): Promise<void> {
  if (userId === tx.caller.id) return;
  const { everywhere, within } = await rightsOfUser(tx.db, userId);
  const beyond =
    [...everywhere].some((permission) => !covers(tx.caller, permission)) ||
    [...within].some(([organization, permissions]) => [...permissions].some((p) => !covers(tx.caller, p, organization)));
  if (beyond) throw failure('HIGHER_RIGHTS');
}

/** Whether the caller has the right in the organization, or everywhere. Whoever may delete any user may let one delete itself. */
function covers(caller: Caller, permission: Permission, organizationId?: string): boolean {
  const holds = (p: Permission) => (organizationId === undefined ? canEverywhere(caller, p) : can(caller, p, organizationId));
  return holds(permission) || (permission === 'user.self.delete' && holds('user.delete'));
}
