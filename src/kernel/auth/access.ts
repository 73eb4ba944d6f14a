import type { Reason } from '../reasons.ts';
import type { Permission } from './roles.ts';

/**
 * Who may call a method. Declared for every method in server/access.ts; enforced by the interceptors as far as the
 * request alone tells, and by `authorize` once the record is known.
 */
export type Access =
  /** Anybody, without a token. */
  | { on: 'nothing' }
  /** Any valid token: the rows of the answer, or a proof in the request, decide. */
  | { on: 'token' }
  /**
   * The permission on the organization of the user named by `user_id`, or being that user. `loaded`: the statement that
   * authenticates the caller brings the user along.
   */
  | { on: 'user'; permission: Permission; self: boolean; loaded?: true }
  /**
   * Any valid token that comes with a proof: a code, the current password. `otherwise` is what a caller without one needs,
   * on the user's organization; to be the user is enough where `self` says so.
   */
  | { on: 'proof'; otherwise?: { permission: Permission; self: boolean } }
  /**
   * The permission on the organization of the session's user, on the instance where it has none; `own`: it is enough to
   * have made the session, to be its user, or to bring its token.
   */
  | { on: 'session'; permission: Permission; own: boolean }
  /**
   * The permission on the organization that the call names: in its request, else in the header, else the caller's own. With
   * `user`, the user named by `user_id` must belong to it: any other does not exist, of which the reason tells.
   */
  | { on: 'organization'; permission: Permission; user?: { unknown: Reason } }
  /** The permission on the whole instance. */
  | { on: 'instance'; permission: Permission };
