import type { Call } from '../call.ts';
import { failure } from '../errors.ts';
import type { Reason } from '../reasons.ts';
import { can, canEverywhere } from './caller.ts';

interface Target {
  id: string;
  organizationId: string;
}

export interface Options {
  /** False where being the user is not enough for what this request asks. */
  self?: boolean | undefined;
  /** The error of a self that is not enough. */
  refusal?: Reason;
  /** What a caller who may know all ids is told of one that does not exist. */
  unknown?: Reason;
}

/** A caller sees himself and the users of organizations where he holds user.read. To anybody else they do not exist. */
export function isVisible({ caller }: Call, user: Target): boolean {
  return user.id === caller.id || can(caller, 'user.read', user.organizationId);
}

/**
 * The rule of every call on a user, after its row is locked or read: who may not see the user is told what he would be
 * told of an unknown id; who sees it but may not act gets PERMISSION_DENIED. Where the call names an organization, the
 * permission was looked at before, and the user has to be that organization's. Returns the user.
 */
export function authorize<T extends Target>(call: Call, user: T | undefined, options: Options = {}): T {
  const { caller, access } = call;
  if (access.on === 'organization' && access.user) {
    if (user?.organizationId === call.organizationId) return user;
    throw failure(access.user.unknown);
  }
  const needed = access.on === 'user' ? access : access.on === 'proof' ? access.otherwise : undefined;
  if (!needed) throw new Error(`a method declared on ${access.on} asks for a user`);
  if (!user) throw failure(canEverywhere(caller, 'user.read') ? (options.unknown ?? 'USER_NOT_FOUND') : 'USER_NOT_FOUND');
  if (!isVisible(call, user)) throw failure('USER_NOT_FOUND');
  if (can(caller, needed.permission, user.organizationId)) return user;
  const isSelf = needed.self && user.id === caller.id;
  if (isSelf && options.self !== false) return user;
  throw failure(isSelf ? (options.refusal ?? 'PERMISSION_DENIED') : 'PERMISSION_DENIED');
}

/**
 * The same for a list of what a user has. Undefined where nobody is, for a caller who may know that: there is nothing to
 * list then.
 */
export function authorizeList<T extends Target>(call: Call, user: T | undefined): T | undefined {
  const { access, caller, organizationId } = call;
  if (access.on === 'organization') return user?.organizationId === organizationId ? user : undefined;
  return user || !canEverywhere(caller, 'user.read') ? authorize(call, user) : undefined;
}

/**
 * The error of a proof that is not right, on a call that takes one. A stranger is told the same for whatever is wrong as
 * for an unknown user: neither who exists nor what state he is in. Who sees the user is told the reason; `unknown` is what
 * a caller who may know all ids is told of one that does not exist.
 */
export function refusedProof(call: Call, user: Target | undefined, reason: Reason, unknown: Reason = 'USER_NOT_FOUND'): Error {
  if (!user) return failure(canEverywhere(call.caller, 'user.read') ? unknown : 'USER_NOT_FOUND');
  return failure(isVisible(call, user) ? reason : 'USER_NOT_FOUND');
}
