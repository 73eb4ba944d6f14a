import { instanceRoles, organizationRoles, type Permission, permissionsOf } from './roles.ts';

/** Who asks, with the rights that hold for this one call. */
export interface Caller {
  id: string;
  organizationId: string;
  type: 'human' | 'machine';
  /** Of the session whose token made the call. */
  sessionId?: string;
  /** Permissions on everything. */
  everywhere: ReadonlySet<Permission>;
  /** Permissions by organization. */
  within: ReadonlyMap<string, ReadonlySet<Permission>>;
}

export interface Memberships {
  instance: readonly string[] | null;
  organizations: Readonly<Record<string, readonly string[]>> | null;
}

/** The permissions that a user's memberships give. */
export function rightsOf({ instance, organizations }: Memberships): Pick<Caller, 'everywhere' | 'within'> {
  const within = Object.entries(organizations ?? {}).map(([id, roles]) => [id, permissionsOf(organizationRoles, roles)] as const);
  return { everywhere: permissionsOf(instanceRoles, instance ?? []), within: new Map(within) };
}

export const canEverywhere = (caller: Pick<Caller, 'everywhere'>, permission: Permission): boolean =>
  caller.everywhere.has(permission);

export function can(caller: Pick<Caller, 'everywhere' | 'within'>, permission: Permission, organizationId: string): boolean {
  return caller.everywhere.has(permission) || caller.within.get(organizationId)?.has(permission) === true;
}

/** The organizations where the caller holds a permission; "everywhere" when it holds on the instance. */
export function reach(caller: Caller, permission: Permission): 'everywhere' | string[] {
  if (caller.everywhere.has(permission)) return 'everywhere';
  return [...caller.within].filter(([, permissions]) => permissions.has(permission)).map(([id]) => id);
}

/** Whether the caller has a right in an organization, or everywhere. Whoever may delete any user may let one delete itself. */
export function covers(caller: Pick<Caller, 'everywhere' | 'within'>, permission: Permission, organizationId?: string): boolean {
  const holds = (p: Permission) => (organizationId === undefined ? canEverywhere(caller, p) : can(caller, p, organizationId));
  return holds(permission) || (permission === 'user.self.delete' && holds('user.delete'));
}
