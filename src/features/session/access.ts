// Who may do what with a session: its creator, its user and whoever brings its token, besides those with the permission.
import { timingSafeEqual } from 'node:crypto';
import { can, canEverywhere } from '../../kernel/auth/caller.ts';
import type { Permission } from '../../kernel/auth/roles.ts';
import { tokenHash } from '../../kernel/auth/tokens.ts';
import type { Call } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import type { SessionRow } from './repository.ts';

type Session = Pick<SessionRow, 'creatorId' | 'userId' | 'organizationId' | 'tokenHash'>;

/**
 * The rule of every call on a session. To whom it is not visible, and to whom brings another token, it does not exist; a
 * wrong token is refused even to whom needs none. SESSION_NOT_FOUND, SESSION_TOKEN_WRONG, PERMISSION_DENIED.
 */
export function authorizeSession<T extends Session>(call: Call, session: T | undefined, token = ''): T {
  const { access, caller } = call;
  if (access.on !== 'session') throw new Error(`a method declared on ${access.on} asks for a session`);
  if (!session) throw failure('SESSION_NOT_FOUND');
  const involved = session.creatorId === caller.id || session.userId === caller.id;
  const proven = token !== '' && isTokenOf(call, session, token);
  if (!proven && !involved && !holds(call, 'session.read', session)) throw failure('SESSION_NOT_FOUND');
  if (!proven && token !== '') throw failure('SESSION_TOKEN_WRONG');
  if (holds(call, access.permission, session) || (access.own && (proven || involved))) return session;
  throw failure('PERMISSION_DENIED');
}

/** A session without user belongs to no organization: only who holds the permission on the instance reaches it. */
const holds = ({ caller }: Call, permission: Permission, { organizationId }: Session): boolean =>
  organizationId === null ? canEverywhere(caller, permission) : can(caller, permission, organizationId);

const isTokenOf = ({ keys }: Call, { tokenHash: expected }: Session, token: string): boolean =>
  expected !== null && timingSafeEqual(tokenHash(keys, token), expected);
