// Owns: reading users, one by its id or a list by filters; what a caller may not read is not there, in rows as in totals.
// Leaves what a user looks like on the wire to features/user, and metadata, tokens and members to their lists.
import { authorize } from '../../kernel/auth/authorize.ts';
import { type Caller, reach } from '../../kernel/auth/caller.ts';
import type { Call, UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { findUser } from '../user/repository.ts';
import type { Filter } from './filter.ts';
import { type Found, findUsers, type Search } from './repository.ts';

/** The user that came along when the caller was authenticated. */
export const getUserByID = (call: Call): UserRow => authorize(call, call.subject);

/** A person, by the older calls. USER_NOT_HUMAN for a machine. */
export async function getHuman(call: Call, userId: string): Promise<UserRow> {
  const user = authorize(call, await findUser(call.db, userId));
  if (user.type !== 'human') throw failure('USER_NOT_HUMAN');
  return user;
}

export const listUsers = (call: Call, search: Search): Promise<Found> =>
  findUsers(call.db, { ...search, filters: [...visibleTo(call.caller), ...search.filters] });

/** A human sees itself as well. A machine sees what its roles say: itself only where they say so. */
function visibleTo(caller: Caller): Filter[] {
  const ids = reach(caller, 'user.read');
  if (ids === 'everywhere') return [];
  const within: Filter = { on: 'organizations', ids };
  if (caller.type === 'machine' || ids.includes(caller.organizationId)) return [within];
  const itself: Filter = { on: 'ids', ids: [caller.id] };
  return ids.length === 0 ? [itself] : [{ on: 'or', filters: [within, itself] }];
}
