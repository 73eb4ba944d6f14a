import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { AdminService } from '../../../gen/zitadel/admin/v1/admin_pb.ts';
import type {
  AddGenericOAuthProviderRequest,
  AddGenericOIDCProviderRequest,
  AddGitHubProviderRequest,
  AddGoogleProviderRequest,
  AddJWTProviderRequest,
  AddLDAPProviderRequest,
  DeleteProviderRequest,
  GetProviderByIDRequest,
  ListProvidersRequest,
  ManagementService,
  UpdateGenericOAuthProviderRequest,
  UpdateGenericOIDCProviderRequest,
  UpdateJWTProviderRequest,
  UpdateLDAPProviderRequest,
  UpdateSAMLProviderRequest,
} from '../../../gen/zitadel/management/v1/management_pb.ts';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import type { Call } from '../../kernel/call.ts';
import { callOf } from '../../kernel/context.ts';
import { findInstanceId } from '../../kernel/db/instance.ts';
import { pageOf } from '../../kernel/paging.ts';
import { toDetails, toListDetails } from '../user/convert.ts';
import { toChange, toCreation, toObjectListDetails } from '../user/convertObject.ts';
import {
  type Fields,
  type SamlFields,
  toAccount,
  toFilter,
  toGitHub,
  toGoogle,
  toJwt,
  toLdap,
  toOauth,
  toOidc,
  toSaml,
} from './convert.ts';
import { ownedBy, toProvider } from './convertProvider.ts';
import { addIDPLink, listIDPLinks, removeIDPLink } from './links.ts';
import type { Owner } from './repository.ts';
import { checkSaml, fetchMetadata, newSigningKey, sentMetadata } from './saml.ts';
import { addProvider, deleteProvider, getProviderByID, listProviders, type ProviderInput, updateProvider } from './service.ts';

/** The calls that both services have: they differ in whose providers they are about. */
function handlersFor(ownerOf: (call: Call) => Owner) {
  async function add(context: HandlerContext, input: ProviderInput) {
    const call = callOf(context);
    const row = await addProvider(call, ownerOf(call), input);
    return { id: row.id, details: toCreation(ownedBy(row, await findInstanceId(call.db))) };
  }
  async function update(context: HandlerContext, id: string, input: ProviderInput) {
    const call = callOf(context);
    return { details: toChange(ownedBy(await updateProvider(call, ownerOf(call), id, input), await findInstanceId(call.db))) };
  }
  return {
    addGenericOIDCProvider: (request: Fields<AddGenericOIDCProviderRequest>, context: HandlerContext) =>
      add(context, toOidc(request)),
    updateGenericOIDCProvider: (request: Fields<UpdateGenericOIDCProviderRequest>, context: HandlerContext) =>
      update(context, request.id, toOidc(request)),
    addGenericOAuthProvider: (request: Fields<AddGenericOAuthProviderRequest>, context: HandlerContext) =>
      add(context, toOauth(request)),
    updateGenericOAuthProvider: (request: Fields<UpdateGenericOAuthProviderRequest>, context: HandlerContext) =>
      update(context, request.id, toOauth(request)),
    addGoogleProvider: (request: Fields<AddGoogleProviderRequest>, context: HandlerContext) => add(context, toGoogle(request)),
    addGitHubProvider: (request: Fields<AddGitHubProviderRequest>, context: HandlerContext) => add(context, toGitHub(request)),
    addJWTProvider: (request: Fields<AddJWTProviderRequest>, context: HandlerContext) => add(context, toJwt(request)),
    updateJWTProvider: (request: Fields<UpdateJWTProviderRequest>, context: HandlerContext) =>
      update(context, request.id, toJwt(request)),
    addLDAPProvider: (request: Fields<AddLDAPProviderRequest>, context: HandlerContext) => add(context, toLdap(request)),
    updateLDAPProvider: (request: Fields<UpdateLDAPProviderRequest>, context: HandlerContext) =>
      update(context, request.id, toLdap(request)),
    async addSAMLProvider(request: SamlFields, context: HandlerContext) {
      const call = callOf(context);
      const input = await samlInput(call, request);
      return add(context, { ...input, secret: await newSigningKey(call, call.now) });
    },
    updateSAMLProvider: async (request: SamlFields & Pick<UpdateSAMLProviderRequest, 'id'>, context: HandlerContext) =>
      update(context, request.id, await samlInput(callOf(context), request)),

    async getProviderByID({ id }: Fields<GetProviderByIDRequest>, context: HandlerContext) {
      const call = callOf(context);
      return { idp: toProvider(await getProviderByID(call, ownerOf(call), id), await findInstanceId(call.db)) };
    },

    async listProviders({ query, queries }: Listing, context: HandlerContext) {
      const call = callOf(context);
      const search = { filters: queries.flatMap(toFilter), page: pageOf(query, 'query') };
      const { rows, total } = await listProviders(call, ownerOf(call), search);
      const instanceId = await findInstanceId(call.db);
      return { details: toObjectListDetails(total, call.now), result: rows.map((row) => toProvider(row, instanceId)) };
    },

    async deleteProvider({ id }: Fields<DeleteProviderRequest>, context: HandlerContext) {
      const call = callOf(context);
      return { details: toChange(ownedBy(await deleteProvider(call, ownerOf(call), id), await findInstanceId(call.db))) };
    },
  };
}

/** With its metadata, fetched where a URL was given, and looked at. */
async function samlInput(call: Call, request: SamlFields): Promise<ProviderInput> {
  const { metadata } = request;
  const fetched = metadata.case === 'metadataUrl';
  const xml = fetched ? await fetchMetadata(call, metadata.value) : sentMetadata(metadata.value ?? new Uint8Array());
  const input = toSaml(request, xml);
  await checkSaml(call.now, input.config, fetched ? 'metadata_url' : 'metadata_xml');
  return input;
}

export const linkHandlers = {
  async addIDPLink({ userId, idpLink }, context) {
    // The definition allows none: an account at no provider.
    const account = idpLink ? toAccount(idpLink) : { providerId: '', externalId: '', userName: '' };
    return { details: toDetails(await addIDPLink(callOf(context), userId, account)) };
  },

  async listIDPLinks({ userId, query }, context) {
    const call = callOf(context);
    const { rows, total } = await listIDPLinks(call, userId, pageOf(query, 'query'));
    const result = rows.map(({ providerId, externalId, userName }) => ({ idpId: providerId, userId: externalId, userName }));
    return { details: toListDetails(total, call.now), result };
  },

  async removeIDPLink({ userId, idpId, linkedUserId }, context) {
    return { details: toDetails(await removeIDPLink(callOf(context), userId, idpId, linkedUserId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

interface Listing {
  query?: ListProvidersRequest['query'];
  queries: Parameters<typeof toFilter>[0][];
}

export const organizationProviderHandlers = handlersFor(({ organizationId }) => ({
  on: 'organization',
  id: organizationId,
})) satisfies Partial<ServiceImpl<typeof ManagementService>>;

export const instanceProviderHandlers = handlersFor(() => ({ on: 'instance' })) satisfies Partial<
  ServiceImpl<typeof AdminService>
>;
