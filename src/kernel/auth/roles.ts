/** What a caller may be allowed to do. The names are those that Zitadel's clients know. */
export type Permission =
  | 'iam.member.read'
  | 'iam.member.write'
  | 'iam.member.delete'
  | 'org.create'
  | 'org.read'
  | 'org.member.read'
  | 'org.member.write'
  | 'org.member.delete'
  | 'iam.idp.read'
  | 'iam.idp.write'
  | 'org.idp.read'
  | 'org.idp.write'
  | 'user.read'
  | 'user.write'
  | 'user.delete'
  | 'user.credential.write'
  | 'user.passkey.write'
  | 'user.self.delete'
  | 'session.read'
  | 'session.write'
  | 'session.delete';

const allUser = ['user.read', 'user.write', 'user.delete', 'user.credential.write', 'user.passkey.write'] as const;
const orgIdps = ['org.idp.read', 'org.idp.write'] as const;
const iamIdps = ['iam.idp.read', 'iam.idp.write'] as const;
const orgMembers = ['org.read', 'org.member.read', 'org.member.write', 'org.member.delete'] as const;
const iamMembers = ['iam.member.read', 'iam.member.write', 'iam.member.delete'] as const;
const sessionManager = ['session.read', 'session.delete'] as const;
const orgViewer = ['org.read', 'org.member.read', 'org.idp.read', 'user.read'] as const;

/** Roles of the instance: their permissions hold in every organization. */
export const instanceRoles: Record<string, readonly Permission[]> = {
  IAM_OWNER: [...allUser, ...orgMembers, ...iamMembers, ...orgIdps, ...iamIdps, 'org.create', ...sessionManager, 'session.write'],
  IAM_OWNER_VIEWER: [...orgViewer, 'iam.member.read', 'iam.idp.read', 'session.read'],
  IAM_ORG_MANAGER: [...allUser, ...orgMembers, ...orgIdps, 'org.create', ...sessionManager],
  IAM_USER_MANAGER: [
    ...(['org.read', 'org.member.read', 'user.read', 'user.write', 'user.delete', 'user.passkey.write'] as const),
    ...sessionManager,
  ],
  IAM_LOGIN_CLIENT: [
    ...(['org.read', 'org.member.read', 'user.read', 'user.write', 'user.credential.write', 'user.passkey.write'] as const),
    ...sessionManager,
    'session.write',
  ],
  SELF_MANAGEMENT_GLOBAL: ['user.self.delete'],
};

/** Roles of one organization. */
export const organizationRoles: Record<string, readonly Permission[]> = {
  ORG_OWNER: [...allUser, ...orgMembers, ...orgIdps, ...sessionManager],
  ORG_OWNER_VIEWER: orgViewer,
  ORG_USER_MANAGER: ['org.read', 'user.read', 'user.write', 'user.delete', ...sessionManager],
  ORG_USER_PERMISSION_EDITOR: orgViewer,
  ORG_PROJECT_PERMISSION_EDITOR: orgViewer,
  ORG_USER_SELF_MANAGER: ['user.self.delete'],
  PROJECT_OWNER: ['org.read', 'user.read'],
  PROJECT_OWNER_VIEWER: ['org.read', 'user.read'],
  PROJECT_GRANT_OWNER: ['org.read', 'user.read'],
  PROJECT_GRANT_OWNER_VIEWER: ['org.read', 'user.read'],
};

/** The permissions of a set of roles; a role that is no longer known grants nothing. */
export function permissionsOf(table: Record<string, readonly Permission[]>, roles: readonly string[]): ReadonlySet<Permission> {
  return new Set(roles.flatMap((role) => table[role] ?? []));
}
