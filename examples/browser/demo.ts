// Somebody to sign in as, and the machine user that the login backend acts as: made through the API with an owner's token.
import { randomBytes } from 'node:crypto';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { AdminService } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import { OrganizationService } from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { bearer } from './signIn.ts';

export interface Demo {
  userId: string;
  loginName: string;
  password: string;
  /** A page of Roster's where the person makes a passkey, once. */
  passkeyLink: string;
  serviceToken: string;
  remove(): Promise<void>;
}

const dayMs = 24 * 60 * 60 * 1000;

export async function createDemo(rosterUrl: string, ownerToken: string): Promise<Demo> {
  const transport = createGrpcTransport({ baseUrl: rosterUrl, interceptors: [bearer(ownerToken)] });
  const users = createClient(UserService, transport);
  const defaultOne = { query: { case: 'defaultQuery', value: {} } } as const;
  const { result } = await createClient(OrganizationService, transport).listOrganizations({ queries: [defaultOne] });
  const organizationId = result[0]?.id ?? '';

  // Names and passwords are new each time: Roster may be one that is used for other things as well.
  const loginName = `ada-${randomBytes(4).toString('hex')}`;
  const password = `Try-1-${randomBytes(6).toString('hex')}`;
  const profile = { givenName: 'Ada', familyName: 'Lovelace' };
  const email = { email: `${loginName}@example.com`, verification: { case: 'isVerified', value: true } } as const;
  const passwordType = { case: 'password', value: { password, changeRequired: false } } as const;
  const person = { case: 'human', value: { profile, email, passwordType } } as const;
  const { id: userId } = await users.createUser({ organizationId, username: loginName, userType: person });

  const machine = { case: 'machine', value: { name: 'Login of the example' } } as const;
  const { id: machineId } = await users.createUser({ organizationId, userType: machine });
  // The least that can sign people in; with an owner's token a hole in the login would be a hole in everything.
  await createClient(AdminService, transport).addIAMMember({ userId: machineId, roles: ['IAM_LOGIN_CLIENT'] });
  const expirationDate = timestampFromMs(Date.now() + dayMs);
  const { token: serviceToken } = await users.addPersonalAccessToken({ userId: machineId, expirationDate });

  const medium = { case: 'returnCode', value: {} } as const;
  const { code } = await users.createPasskeyRegistrationLink({ userId, medium });
  const query = new URLSearchParams({ userID: userId, codeID: code?.id ?? '', code: code?.code ?? '' });
  const passkeyLink = `${rosterUrl}/ui/login/login/passwordless/init?${query}`;
  const remove = async () => {
    for (const id of [userId, machineId]) await users.deleteUser({ userId: id });
  };
  return { userId, loginName, password, passkeyLink, serviceToken, remove };
}
