import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Health } from '../../gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { AdminService } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import { ManagementService } from '../../gen/zitadel/management/v1/management_pb.ts';
import { OrganizationService } from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { SessionService } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { UserService as OlderUserService } from '../../gen/zitadel/user/v2beta/user_service_pb.ts';
import type { Access } from '../kernel/auth/access.ts';
import type { Permission } from '../kernel/auth/roles.ts';

const anybody: Access = { on: 'nothing' };
const token: Access = { on: 'token' };
const user = (permission: Permission): Access => ({ on: 'user', permission, self: false });
const userOrSelf = (permission: Permission): Access => ({ on: 'user', permission, self: true });
const proof: Access = { on: 'proof' };
const proofOr = (permission: Permission): Access => ({ on: 'proof', otherwise: { permission, self: true } });
const organization = (permission: Permission): Access => ({ on: 'organization', permission });
/** On a user of that organization; of any other it is told that he is not there, in the words of the call. */
const userOf = (permission: Permission, unknown: 'USER_NOT_FOUND' | 'USER_UNKNOWN'): Access => ({
  on: 'organization',
  permission,
  user: { unknown },
});
/** For whoever made the session, whose it is, and who brings its token; or else with the permission. */
const ownSession = (permission: Permission): Access => ({ on: 'session', permission, own: true });
const session = (permission: Permission): Access => ({ on: 'session', permission, own: false });
const instance = (permission: Permission): Access => ({ on: 'instance', permission });

type Declared<S extends DescService> = Record<keyof S['method'], Access>;

/** Whoever may change the profile of a user may change his avatar, which is no RPC (src/web/avatars). */
export const profileAccess = userOrSelf('user.write');

const userService: Declared<typeof UserService> = {
  createUser: token,
  addHumanUser: organization('user.write'),
  getUserByID: { on: 'user', permission: 'user.read', self: true, loaded: true },
  listUsers: token,
  updateUser: profileAccess,
  updateHumanUser: profileAccess,
  deactivateUser: user('user.write'),
  reactivateUser: user('user.write'),
  lockUser: user('user.write'),
  unlockUser: user('user.write'),
  deleteUser: user('user.delete'),
  setEmail: userOrSelf('user.write'),
  resendEmailCode: userOrSelf('user.write'),
  sendEmailCode: userOrSelf('user.write'),
  verifyEmail: proof,
  setPhone: userOrSelf('user.write'),
  resendPhoneCode: userOrSelf('user.write'),
  verifyPhone: proof,
  removePhone: userOrSelf('user.write'),
  passwordReset: userOrSelf('user.write'),
  setPassword: proofOr('user.write'),
  createInviteCode: userOrSelf('user.write'),
  resendInviteCode: userOrSelf('user.write'),
  verifyInviteCode: proof,
  humanMFAInitSkipped: userOrSelf('user.write'),
  registerPasskey: proofOr('user.credential.write'),
  verifyPasskeyRegistration: proof,
  createPasskeyRegistrationLink: userOrSelf('user.passkey.write'),
  listPasskeys: userOrSelf('user.read'),
  removePasskey: userOrSelf('user.write'),
  registerU2F: userOrSelf('user.credential.write'),
  verifyU2FRegistration: proof,
  removeU2F: userOrSelf('user.write'),
  registerTOTP: userOrSelf('user.credential.write'),
  verifyTOTPRegistration: userOrSelf('user.credential.write'),
  removeTOTP: userOrSelf('user.write'),
  addOTPSMS: userOrSelf('user.credential.write'),
  removeOTPSMS: userOrSelf('user.write'),
  addOTPEmail: userOrSelf('user.credential.write'),
  removeOTPEmail: userOrSelf('user.write'),
  generateRecoveryCodes: userOrSelf('user.credential.write'),
  removeRecoveryCodes: userOrSelf('user.credential.write'),
  listAuthenticationMethodTypes: userOrSelf('user.read'),
  listAuthenticationFactors: userOrSelf('user.read'),
  startIdentityProviderIntent: token,
  retrieveIdentityProviderIntent: token,
  addIDPLink: userOrSelf('user.write'),
  listIDPLinks: userOrSelf('user.read'),
  removeIDPLink: userOrSelf('user.write'),
  setUserMetadata: user('user.write'),
  listUserMetadata: userOrSelf('user.read'),
  deleteUserMetadata: user('user.write'),
  addPersonalAccessToken: user('user.write'),
  removePersonalAccessToken: user('user.write'),
  listPersonalAccessTokens: token,
  addKey: user('user.write'),
  removeKey: user('user.write'),
  listKeys: token,
  addSecret: user('user.write'),
  removeSecret: user('user.write'),
};

const managementService: Declared<typeof ManagementService> = {
  addHumanUser: organization('user.write'),
  importHumanUser: organization('user.write'),
  addMachineUser: organization('user.write'),
  getHumanProfile: userOf('user.read', 'USER_NOT_FOUND'),
  updateHumanProfile: userOf('user.write', 'USER_UNKNOWN'),
  getHumanEmail: userOf('user.read', 'USER_NOT_FOUND'),
  updateHumanEmail: userOf('user.write', 'USER_UNKNOWN'),
  resendHumanInitialization: userOf('user.write', 'USER_NOT_FOUND'),
  resendHumanEmailVerification: userOf('user.write', 'USER_NOT_FOUND'),
  getHumanPhone: userOf('user.read', 'USER_NOT_FOUND'),
  updateHumanPhone: userOf('user.write', 'USER_UNKNOWN'),
  removeHumanPhone: userOf('user.write', 'USER_UNKNOWN'),
  resendHumanPhoneVerification: userOf('user.write', 'USER_UNKNOWN'),
  setHumanInitialPassword: userOf('user.write', 'USER_UNKNOWN'),
  setHumanPassword: userOf('user.write', 'USER_UNKNOWN'),
  sendHumanResetPasswordNotification: userOf('user.write', 'USER_UNKNOWN'),
  listHumanAuthFactors: userOf('user.read', 'USER_NOT_FOUND'),
  removeHumanAuthFactorOTP: userOf('user.write', 'USER_NOT_FOUND'),
  removeHumanAuthFactorU2F: userOf('user.write', 'USER_NOT_FOUND'),
  removeHumanAuthFactorOTPSMS: userOf('user.write', 'USER_NOT_FOUND'),
  removeHumanAuthFactorOTPEmail: userOf('user.write', 'USER_NOT_FOUND'),
  listHumanPasswordless: userOf('user.read', 'USER_NOT_FOUND'),
  addPasswordlessRegistration: userOf('user.credential.write', 'USER_NOT_FOUND'),
  sendPasswordlessRegistration: userOf('user.write', 'USER_NOT_FOUND'),
  removeHumanPasswordless: userOf('user.write', 'USER_NOT_FOUND'),
  removeHumanAvatar: userOf('user.write', 'USER_NOT_FOUND'),
  getMyOrg: organization('org.read'),
  listOrgMemberRoles: organization('org.member.read'),
  listOrgMembers: organization('org.member.read'),
  addOrgMember: organization('org.member.write'),
  updateOrgMember: organization('org.member.write'),
  removeOrgMember: organization('org.member.delete'),
  listProviders: organization('org.idp.read'),
  getProviderByID: organization('org.idp.read'),
  addGenericOIDCProvider: organization('org.idp.write'),
  updateGenericOIDCProvider: organization('org.idp.write'),
  addGenericOAuthProvider: organization('org.idp.write'),
  updateGenericOAuthProvider: organization('org.idp.write'),
  addGoogleProvider: organization('org.idp.write'),
  addGitHubProvider: organization('org.idp.write'),
  addJWTProvider: organization('org.idp.write'),
  updateJWTProvider: organization('org.idp.write'),
  addLDAPProvider: organization('org.idp.write'),
  updateLDAPProvider: organization('org.idp.write'),
  addSAMLProvider: organization('org.idp.write'),
  updateSAMLProvider: organization('org.idp.write'),
  deleteProvider: organization('org.idp.write'),
};

const adminService: Declared<typeof AdminService> = {
  listIAMMembers: instance('iam.member.read'),
  addIAMMember: instance('iam.member.write'),
  updateIAMMember: instance('iam.member.write'),
  removeIAMMember: instance('iam.member.delete'),
  listProviders: instance('iam.idp.read'),
  getProviderByID: instance('iam.idp.read'),
  addGenericOIDCProvider: instance('iam.idp.write'),
  updateGenericOIDCProvider: instance('iam.idp.write'),
  addGenericOAuthProvider: instance('iam.idp.write'),
  updateGenericOAuthProvider: instance('iam.idp.write'),
  addGoogleProvider: instance('iam.idp.write'),
  addGitHubProvider: instance('iam.idp.write'),
  addJWTProvider: instance('iam.idp.write'),
  updateJWTProvider: instance('iam.idp.write'),
  addLDAPProvider: instance('iam.idp.write'),
  updateLDAPProvider: instance('iam.idp.write'),
  addSAMLProvider: instance('iam.idp.write'),
  updateSAMLProvider: instance('iam.idp.write'),
  deleteProvider: instance('iam.idp.write'),
};

const organizationService: Declared<typeof OrganizationService> = {
  addOrganization: instance('org.create'),
  listOrganizations: token,
};

const sessionService: Declared<typeof SessionService> = {
  createSession: instance('session.write'),
  setSession: session('session.write'),
  getSession: ownSession('session.read'),
  listSessions: token,
  deleteSession: ownSession('session.delete'),
};

const declarations = new Map<DescService, Partial<Record<string, Access>>>([
  [UserService, userService],
  [OlderUserService, userService],
  [SessionService, sessionService],
  [ManagementService, managementService],
  [AdminService, adminService],
  [OrganizationService, organizationService],
  [Health, { check: anybody, list: anybody, watch: anybody }],
  [ServerReflection, { serverReflectionInfo: anybody }],
  [ServerReflectionAlpha, { serverReflectionInfo: anybody }],
]);

export const accessOf = (method: DescMethod): Access | undefined => declarations.get(method.parent)?.[method.localName];

export const isDeclared = (service: DescService, localName: string): boolean =>
  declarations.get(service)?.[localName] !== undefined;
