import type { Message } from '@bufbuild/protobuf';
import { isMessage } from '@bufbuild/protobuf';
import type { Interceptor } from '@connectrpc/connect';
import { OrganizationSchema } from '../../gen/zitadel/object/v2/object_pb.ts';
import { can, canEverywhere } from '../kernel/auth/caller.ts';
import { type NamedOrganization, organizationExists, organizationOfDomain } from '../kernel/auth/organizations.ts';
import type { Call } from '../kernel/call.ts';
import { findCall, setCall } from '../kernel/context.ts';
import { failure } from '../kernel/errors.ts';

/** Header by which a caller chooses the organization that a call is about. */
export const organizationHeader = 'x-zitadel-orgid';

/** Checks what a method demands of its caller before the request is looked at any closer. */
export const checkDeclaredAccess: Interceptor = (next) => (req) => {
  const call = findCall({ values: req.contextValues });
  if (call?.access.on === 'instance' && !canEverywhere(call.caller, call.access.permission)) throw failure('PERMISSION_DENIED');
  return call?.access.on === 'organization' ? inOrganization(next, req, call) : next(req);
};

type Next = Parameters<Interceptor>[0];

async function inOrganization(next: Next, req: Parameters<Next>[0], call: Call): ReturnType<Next> {
  const organizationId = await chosenOrganization(call, req.stream ? undefined : req.message, req.header);
  setCall({ values: req.contextValues }, { ...call, organizationId });
  return next(req);
}

async function chosenOrganization(call: Call, message: Message | undefined, header: Headers): Promise<string> {
  const named = inRequest(message) ?? inHeader(header);
  const id = named ? await resolve(call, named) : call.caller.organizationId;
  authorizeIn(call, id);
  return id;
}

function inRequest(message: Message | undefined): NamedOrganization | undefined {
  if (!message || !('organization' in message) || !isMessage(message.organization, OrganizationSchema)) return undefined;
  const { org } = message.organization;
  switch (org.case) {
    case 'orgId':
      return { by: 'id', id: org.value };
    case 'orgDomain':
      return { by: 'domain', domain: org.value };
    case undefined:
      return undefined;
  }
}

function inHeader(header: Headers): NamedOrganization | undefined {
  const id = header.get(organizationHeader);
  return id ? { by: 'id', id } : undefined;
}

/** Who may read every organization's users learns that there is none of that name; anybody else, that he sees none. */
async function resolve({ db, caller }: Call, named: NamedOrganization): Promise<string> {
  const id = named.by === 'domain' ? await organizationOfDomain(db, named.domain) : named.id;
  const seesAll = canEverywhere(caller, 'user.read');
  if (id !== undefined && !id.includes('\0') && (!seesAll || (await organizationExists(db, id)))) return id;
  throw failure(seesAll ? 'ORGANIZATION_DENIED' : 'ORGANIZATION_NOT_FOUND');
}

function authorizeIn({ caller, access }: Call, organizationId: string): void {
  if (access.on !== 'organization' || can(caller, access.permission, organizationId)) return;
  const sees = can(caller, 'user.read', organizationId) || can(caller, 'org.read', organizationId);
  throw failure(sees ? 'PERMISSION_DENIED' : 'ORGANIZATION_NOT_FOUND');
}
