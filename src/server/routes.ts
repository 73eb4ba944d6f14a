import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { AdminService } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import { ManagementService } from '../../gen/zitadel/management/v1/management_pb.ts';
import { OrganizationService } from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { SessionService } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { UserService as OlderUserService } from '../../gen/zitadel/user/v2beta/user_service_pb.ts';
import { avatarHandlers } from '../features/avatar/handlers.ts';
import { emailHandlers } from '../features/email/handlers.ts';
import { factorsHandlers } from '../features/factors/handlers.ts';
import { instanceProviderHandlers, linkHandlers, organizationProviderHandlers } from '../features/idp/handlers.ts';
import { intentHandlers } from '../features/intent/handlers.ts';
import { inviteHandlers } from '../features/invite/handlers.ts';
import { lifecycleHandlers } from '../features/lifecycle/handlers.ts';
import { machineHandlers } from '../features/machine/handlers.ts';
import { metadataHandlers } from '../features/metadata/handlers.ts';
import { instanceMemberHandlers, organizationHandlers, organizationMemberHandlers } from '../features/organization/handlers.ts';
import { otpHandlers } from '../features/otp/handlers.ts';
import { passkeyHandlers } from '../features/passkey/handlers.ts';
import { passwordHandlers } from '../features/password/handlers.ts';
import { phoneHandlers } from '../features/phone/handlers.ts';
import { recoveryHandlers } from '../features/recovery/handlers.ts';
import { searchHandlers } from '../features/search/handlers.ts';
import { sessionHandlers } from '../features/session/handlers.ts';
import { totpHandlers } from '../features/totp/handlers.ts';
import { managementHandlers } from '../management/handlers.ts';
import { isDeclared } from './access.ts';

const userHandlers = {
  ...searchHandlers,
  ...lifecycleHandlers,
  ...metadataHandlers,
  ...machineHandlers,
  ...emailHandlers,
  ...phoneHandlers,
  ...passwordHandlers,
  ...inviteHandlers,
  ...passkeyHandlers,
  ...totpHandlers,
  ...otpHandlers,
  ...recoveryHandlers,
  ...factorsHandlers,
  ...linkHandlers,
  ...intentHandlers,
} satisfies ServiceImpl<typeof UserService> & ServiceImpl<typeof OlderUserService>;

const allManagementHandlers = {
  ...managementHandlers,
  ...organizationMemberHandlers,
  ...organizationProviderHandlers,
  ...avatarHandlers,
} satisfies ServiceImpl<typeof ManagementService>;

const adminHandlers = {
  ...instanceMemberHandlers,
  ...instanceProviderHandlers,
} satisfies ServiceImpl<typeof AdminService>;

export const services: readonly DescService[] = [
  UserService,
  SessionService,
  ManagementService,
  AdminService,
  OrganizationService,
];

/** Names that services had before: the same handlers and declarations at another path. */
export const olderNames: readonly DescService[] = [OlderUserService];

export const routes = (router: ConnectRouter): void => {
  serveDeclared(router, UserService, userHandlers);
  serveDeclared(router, SessionService, sessionHandlers);
  serveDeclared(router, ManagementService, allManagementHandlers);
  serveDeclared(router, AdminService, adminHandlers);
  serveDeclared(router, OrganizationService, organizationHandlers);
  serveDeclared(router, OlderUserService, userHandlers);
};

/** Nothing goes on the wire without a word on who may call it. */
export function serveDeclared<S extends DescService>(
  router: ConnectRouter,
  service: S,
  implementation: Partial<ServiceImpl<S>>,
): void {
  const undeclared = Object.keys(implementation).filter((name) => !isDeclared(service, name));
  if (undeclared.length > 0) throw new Error(`${service.typeName} has no access declared for ${undeclared.join(', ')}`);
  router.service(service, implementation);
}
