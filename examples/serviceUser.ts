// The service user that the examples act as, and all of its ways to sign in: made through the API with an owner's token.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ManagementService } from '../gen/zitadel/management/v1/management_pb.ts';
import { OrganizationService } from '../gen/zitadel/org/v2/org_service_pb.ts';
import { UserService } from '../gen/zitadel/user/v2/user_service_pb.ts';
import type { OwnRoster } from './ownRoster.ts';

export interface ServiceUser {
  token: string;
  /** Where the file lies that AddKey gave: user id, key id and private key in JSON, as SDKs read it. */
  keyFile: string;
  clientId: string;
  clientSecret: string;
}

const dayMs = 24 * 60 * 60 * 1000;

export async function createServiceUser({ url, token: ownerToken, folder }: Omit<OwnRoster, 'close'>): Promise<ServiceUser> {
  const transport = createGrpcTransport({
    baseUrl: url,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${ownerToken}`);
        return next(request);
      },
    ],
  });
  const users = createClient(UserService, transport);
  const defaultOne = { query: { case: 'defaultQuery', value: {} } } as const;
  const { result } = await createClient(OrganizationService, transport).listOrganizations({ queries: [defaultOne] });
  const machine = { case: 'machine', value: { name: 'Examples' } } as const;
  const clientId = 'examples';
  const organizationId = result[0]?.id ?? '';
  const { id: userId } = await users.createUser({ organizationId, username: clientId, userType: machine });
  // The least that can do what the examples do.
  await createClient(ManagementService, transport).addOrgMember({ userId, roles: ['ORG_USER_MANAGER'] });

  const expirationDate = timestampFromMs(Date.now() + dayMs);
  const { token } = await users.addPersonalAccessToken({ userId, expirationDate });
  const { clientSecret } = await users.addSecret({ userId });
  const { keyContent } = await users.addKey({ userId, expirationDate });
  const keyFile = join(folder, 'key.json');
  await writeFile(keyFile, keyContent, { mode: 0o600 });
  return { token, keyFile, clientId, clientSecret };
}
