import type { Call } from '../call.ts';
import { failure } from '../errors.ts';
import { covers } from './caller.ts';
import { rightsOfUser } from './tokens.ts';

/**
 * Whoever changes the credentials of a user could then act as that user: so nobody may, who lacks a right that the
 * user has. Oneself excepted.
 */
export async function refuseHigherRights(tx: Call, userId: string): Promise<void> {
  if (userId === tx.caller.id) return;
  const { everywhere, within } = await rightsOfUser(tx.db, userId);
  const beyond =
    [...everywhere].some((permission) => !covers(tx.caller, permission)) ||
    [...within].some(([organization, permissions]) => [...permissions].some((p) => !covers(tx.caller, p, organization)));
  if (beyond) throw failure('HIGHER_RIGHTS');
}
