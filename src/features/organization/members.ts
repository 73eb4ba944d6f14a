// Owns: who holds which roles, in an organization and on the instance, by one set of rules. Leaves what a role allows to
// kernel/auth/roles.ts, and that the caller may manage members at all to the interceptors.
import { isVisible } from '../../kernel/auth/authorize.ts';
import { covers } from '../../kernel/auth/caller.ts';
import { keepAnOwner, lockInstance, ownerRole } from '../../kernel/auth/owners.ts';
import { instanceRoles, organizationRoles, permissionsOf } from '../../kernel/auth/roles.ts';
import { type Call, type Tx, transaction } from '../../kernel/call.ts';
import { findInstanceId } from '../../kernel/db/instance.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { type MemberScope, record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import {
  deleteMember,
  findMember,
  insertMember,
  type ListedMember,
  listRows,
  type MemberSearch,
  type Membership,
  updateRoles,
} from './memberRepository.ts';

/** A membership's state, and the id of the organization or instance that it is for. */
export interface MemberDetails {
  sequence: bigint;
  createdAt: Date;
  changedAt: Date;
  owner: string;
}

const rolesOf = (scope: MemberScope) => (scope.on === 'instance' ? instanceRoles : organizationRoles);

/** The roles that clients offer for members of an organization; those of projects are accepted beside them. */
export const offeredRoles = Object.keys(organizationRoles).filter((role) => role.startsWith('ORG_'));

/** A name that nobody knows goes into the error shortened: it may be as long as a request. */
const echoedCharacters = 100;

/** Each role once. ROLES_MISSING without any, ROLE_UNKNOWN for one that does not exist in the scope. */
export function checkRoles(scope: MemberScope, roles: readonly string[]): string[] {
  const known = Object.keys(rolesOf(scope));
  const wanted = [...new Set(roles)];
  if (wanted.length === 0) throw invalidField('ROLES_MISSING', 'roles');
  const unknown = wanted.find((role) => !known.includes(role));
  if (unknown === undefined) return wanted;
  const role = unknown.slice(0, echoedCharacters).toWellFormed();
  throw invalidField('ROLE_UNKNOWN', 'roles', { role, roles: known.join(', ') });
}

export function addMember(call: Call, scope: MemberScope, userId: string, roles: readonly string[]): Promise<MemberDetails> {
  const wanted = checkRoles(scope, roles);
  return transaction(call, (tx) => addTo(tx, scope, userId, wanted));
}

/** The step, for AddOrganization as well. `checkRoles` has passed. */
export async function addTo(tx: Tx, scope: MemberScope, userId: string, roles: string[]): Promise<MemberDetails> {
  const user = await lockUser(tx, userId);
  if (!user || !isVisible(tx, user)) throw failure('USER_NOT_FOUND');
  refuseRolesBeyond(tx, scope, roles);
  if (await findMember(tx, scope, userId)) throw failure('MEMBER_EXISTS');
  const { sequence } = await record(tx, userId, { type: 'member.added', scope, roles });
  const member = { userId, roles, sequence, createdAt: tx.now, changedAt: tx.now };
  await insertMember(tx, scope, member);
  return detailsOf(tx, scope, member);
}

export function updateMember(call: Call, scope: MemberScope, userId: string, roles: readonly string[]): Promise<MemberDetails> {
  const wanted = checkRoles(scope, roles);
  return transaction(call, async (tx) => {
    const member = await lockMember(tx, scope, userId);
    refuseHigherMember(tx, scope, member);
    refuseRolesBeyond(tx, scope, wanted);
    if (wanted.length === member.roles.length && wanted.every((role) => member.roles.includes(role))) {
      return detailsOf(tx, scope, member);
    }
    await refuseLastOwner(tx, scope, member, wanted);
    const { sequence } = await record(tx, userId, { type: 'member.changed', scope, roles: wanted });
    const changed = { ...member, roles: wanted, sequence, changedAt: tx.now };
    await updateRoles(tx, scope, changed);
    return detailsOf(tx, scope, changed);
  });
}

export function removeMember(call: Call, scope: MemberScope, userId: string): Promise<MemberDetails> {
  return transaction(call, async (tx) => {
    const member = await lockMember(tx, scope, userId);
    refuseHigherMember(tx, scope, member);
    await refuseLastOwner(tx, scope, member, []);
    const { sequence } = await record(tx, userId, { type: 'member.removed', scope, roles: member.roles });
    await deleteMember(tx, scope, userId);
    return detailsOf(tx, scope, { ...member, sequence, changedAt: tx.now });
  });
}

export interface MemberList {
  rows: ListedMember[];
  total: number;
  owner: string;
}

export async function listMembers(call: Call, scope: MemberScope, search: MemberSearch): Promise<MemberList> {
  const [owner, found] = await Promise.all([ownerOf(call, scope), listRows(call.db, scope, search)]);
  return { ...found, owner };
}

/** The membership, which only this transaction changes until it ends. The instance's row is locked before any user's. */
async function lockMember(tx: Tx, scope: MemberScope, userId: string): Promise<Membership> {
  if (scope.on === 'instance') await lockInstance(tx);
  await lockUser(tx, userId);
  const member = await findMember(tx, scope, userId);
  if (!member) throw failure('MEMBER_NOT_FOUND');
  return member;
}

/** Nobody gives what he does not have. */
function refuseRolesBeyond(tx: Tx, scope: MemberScope, roles: readonly string[]): void {
  const role = roles.find((name) => !holdsAll(tx, scope, [name]));
  if (role !== undefined) throw failure('ROLE_BEYOND_CALLER', { metadata: { role } });
}

/** Nobody takes what he does not have, but from himself. */
function refuseHigherMember(tx: Tx, scope: MemberScope, { userId, roles }: Membership): void {
  if (userId !== tx.caller.id && !holdsAll(tx, scope, roles)) throw failure('HIGHER_RIGHTS');
}

/** Whether the caller has, in the scope, every right that the roles give there. */
function holdsAll({ caller }: Tx, scope: MemberScope, roles: readonly string[]): boolean {
  const within = scope.on === 'instance' ? undefined : scope.id;
  return [...permissionsOf(rolesOf(scope), roles)].every((permission) => covers(caller, permission, within));
}

/** Refuses to leave the instance without an owner, who need not be active to count. */
async function refuseLastOwner(
  tx: Tx,
  scope: MemberScope,
  { userId, roles }: Membership,
  remaining: readonly string[],
): Promise<void> {
  if (scope.on !== 'instance' || !roles.includes(ownerRole) || remaining.includes(ownerRole)) return;
  await keepAnOwner(tx, userId);
}

const ownerOf = async ({ db }: Call, scope: MemberScope): Promise<string> =>
  scope.on === 'instance' ? findInstanceId(db) : scope.id;

async function detailsOf(tx: Tx, scope: MemberScope, { sequence, createdAt, changedAt }: Membership): Promise<MemberDetails> {
  return { sequence, createdAt, changedAt, owner: await ownerOf(tx, scope) };
}
