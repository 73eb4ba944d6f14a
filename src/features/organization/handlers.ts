import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { AdminService } from '../../../gen/zitadel/admin/v1/admin_pb.ts';
import type { ManagementService } from '../../../gen/zitadel/management/v1/management_pb.ts';
import type { OrganizationService } from '../../../gen/zitadel/org/v2/org_service_pb.ts';
import { OrganizationFieldName } from '../../../gen/zitadel/org/v2/query_pb.ts';
import type { Call } from '../../kernel/call.ts';
import { callOf } from '../../kernel/context.ts';
import { pageOf } from '../../kernel/paging.ts';
import { toDetails } from '../user/convert.ts';
import { toChange, toCreation, toObjectListDetails } from '../user/convertObject.ts';
import type { MemberScope } from '../user/events.ts';
import { memberSort, toAdmin, toMember, toMemberFilter, toOrg, toOrganization, toOrganizationFilter } from './convert.ts';
import { addMember, listMembers, offeredRoles, removeMember, updateMember } from './members.ts';
import { addOrganization, getMyOrg, listOrganizations } from './service.ts';

export const organizationHandlers = {
  async addOrganization({ orgId, name, admins }, context) {
    const { organization, humans } = await addOrganization(callOf(context), { id: orgId, name, admins: admins.map(toAdmin) });
    return {
      details: toDetails({ ...organization, organizationId: organization.id }),
      organizationId: organization.id,
      createdAdmins: humans.map(({ userId, emailCode, phoneCode }) => ({ userId, emailCode, phoneCode })),
    };
  },

  async listOrganizations({ query, queries, sortingColumn }, context) {
    const call = callOf(context);
    const sort = sortingColumn === OrganizationFieldName.NAME ? 'name' : 'id';
    const search = { filters: queries.map(toOrganizationFilter), sort, page: pageOf(query, 'query') } as const;
    const { rows, total } = await listOrganizations(call, search);
    const details = { totalResult: BigInt(total), timestamp: timestampFromDate(call.now) };
    return { details, sortingColumn, result: rows.map(toOrganization) };
  },
} satisfies Partial<ServiceImpl<typeof OrganizationService>>;

const inOrganization = ({ organizationId }: Call): MemberScope => ({ on: 'organization', id: organizationId });

export const organizationMemberHandlers = {
  async getMyOrg(_, context) {
    return { org: toOrg(await getMyOrg(callOf(context))) };
  },

  listOrgMemberRoles: () => ({ result: offeredRoles }),

  async listOrgMembers({ query, queries }, context) {
    const call = callOf(context);
    const search = { filters: queries.map(toMemberFilter), sort: 'userId', page: pageOf(query, 'query') } as const;
    const { rows, total, owner } = await listMembers(call, inOrganization(call), search);
    return { details: toObjectListDetails(total, call.now), result: rows.map((row) => toMember(call, row, owner)) };
  },

  async addOrgMember({ userId, roles }, context) {
    const call = callOf(context);
    return { details: toCreation(await addMember(call, inOrganization(call), userId, roles)) };
  },

  async updateOrgMember({ userId, roles }, context) {
    const call = callOf(context);
    return { details: toChange(await updateMember(call, inOrganization(call), userId, roles)) };
  },

  async removeOrgMember({ userId }, context) {
    const call = callOf(context);
    return { details: toChange(await removeMember(call, inOrganization(call), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof ManagementService>>;

const onInstance: MemberScope = { on: 'instance' };

export const instanceMemberHandlers = {
  async listIAMMembers({ query, queries, sortingColumn }, context) {
    const call = callOf(context);
    const search = { filters: queries.map(toMemberFilter), sort: memberSort(sortingColumn), page: pageOf(query, 'query') };
    const { rows, total, owner } = await listMembers(call, onInstance, search);
    return { details: toObjectListDetails(total, call.now), result: rows.map((row) => toMember(call, row, owner)) };
  },

  async addIAMMember({ userId, roles }, context) {
    return { details: toCreation(await addMember(callOf(context), onInstance, userId, roles)) };
  },

  async updateIAMMember({ userId, roles }, context) {
    return { details: toChange(await updateMember(callOf(context), onInstance, userId, roles)) };
  },

  async removeIAMMember({ userId }, context) {
    return { details: toChange(await removeMember(callOf(context), onInstance, userId)) };
  },
} satisfies Partial<ServiceImpl<typeof AdminService>>;
