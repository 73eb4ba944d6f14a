import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  MemberFieldColumnName,
  type SearchQuery as MemberQuery,
  type MemberSchema,
} from '../../../gen/zitadel/member/v1/member_pb.ts';
import { type OrgSchema, OrgState } from '../../../gen/zitadel/org/v1/org_pb.ts';
import { type OrganizationSchema, OrganizationState } from '../../../gen/zitadel/org/v2/org_pb.ts';
import type { AddOrganizationRequest_Admin } from '../../../gen/zitadel/org/v2/org_service_pb.ts';
import type { SearchQuery as OrganizationQuery } from '../../../gen/zitadel/org/v2/query_pb.ts';
import { Type } from '../../../gen/zitadel/user/v1/user_pb.ts';
import type { Call } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';
import { toNewUser } from '../lifecycle/convert.ts';
import { avatarUrl } from '../user/avatarUrl.ts';
import { textMatchOf, toFullDetails } from '../user/convert.ts';
import { toObjectDetails } from '../user/convertObject.ts';
import type { ListedMember, MemberFilter, MemberSearch } from './memberRepository.ts';
import type { OrganizationFilter, OrganizationRow } from './repository.ts';
import type { Admin } from './service.ts';

export function toMember(
  call: Call,
  { user, roles, ...membership }: ListedMember,
  owner: string,
): MessageInitShape<typeof MemberSchema> {
  return {
    userId: user.id,
    details: toObjectDetails({ ...membership, owner }),
    roles,
    preferredLoginName: user.username,
    email: user.email,
    firstName: user.givenName,
    lastName: user.familyName,
    displayName: user.type === 'human' ? user.displayName : user.name,
    avatarUrl: avatarUrl(call, user),
    userType: user.type === 'human' ? Type.HUMAN : Type.MACHINE,
    userResourceOwner: user.organizationId,
  };
}

export function toMemberFilter({ query }: MemberQuery, index: number): MemberFilter {
  switch (query.case) {
    case 'firstNameQuery':
      return { field: 'givenName', match: textMatchOf(query.value.method, query.value.firstName) };
    case 'lastNameQuery':
      return { field: 'familyName', match: textMatchOf(query.value.method, query.value.lastName) };
    case 'emailQuery':
      return { field: 'email', match: textMatchOf(query.value.method, query.value.email) };
    case 'userIdQuery':
      return { field: 'userId', id: query.value.userId };
    case undefined:
      throw emptyQuery(index);
  }
}

/** A wire number that the enum does not know counts as unspecified. */
export function memberSort(column: MemberFieldColumnName): MemberSearch['sort'] {
  switch (column) {
    case MemberFieldColumnName.MEMBER_FIELD_NAME_CREATION_DATE:
      return 'createdAt';
    case MemberFieldColumnName.MEMBER_FIELD_NAME_CHANGE_DATE:
      return 'changedAt';
    case MemberFieldColumnName.MEMBER_FIELD_NAME_USER_RESOURCE_OWNER:
      return 'organizationId';
    case MemberFieldColumnName.MEMBER_FIELD_NAME_UNSPECIFIED:
    case MemberFieldColumnName.MEMBER_FIELD_NAME_USER_ID:
      return 'userId';
  }
  return 'userId';
}

const organizationStates: Record<OrganizationRow['state'], OrganizationState> = {
  active: OrganizationState.ACTIVE,
  inactive: OrganizationState.INACTIVE,
};

const orgStates: Record<OrganizationRow['state'], OrgState> = { active: OrgState.ACTIVE, inactive: OrgState.INACTIVE };

export function toOrganization(row: OrganizationRow): MessageInitShape<typeof OrganizationSchema> {
  const { id, name, primaryDomain, state } = row;
  return { id, name, primaryDomain, state: organizationStates[state], details: toFullDetails({ ...row, organizationId: id }) };
}

/** The older message for the same. */
export function toOrg(row: OrganizationRow): MessageInitShape<typeof OrgSchema> {
  const { id, name, primaryDomain, state } = row;
  return { id, name, primaryDomain, state: orgStates[state], details: toObjectDetails({ ...row, owner: id }) };
}

export function toOrganizationFilter({ query }: OrganizationQuery, index: number): OrganizationFilter {
  switch (query.case) {
    case 'nameQuery':
      return { field: 'name', match: textMatchOf(query.value.method, query.value.name) };
    case 'domainQuery':
      return { field: 'domain', match: textMatchOf(query.value.method, query.value.domain) };
    case 'stateQuery':
      return { field: 'state', state: stateOf(query.value.state) };
    case 'idQuery':
      return { field: 'id', id: query.value.id };
    case 'defaultQuery':
      return { field: 'default' };
    case undefined:
      throw emptyQuery(index);
  }
}

function stateOf(state: OrganizationState): OrganizationRow['state'] | undefined {
  switch (state) {
    case OrganizationState.ACTIVE:
      return 'active';
    case OrganizationState.INACTIVE:
      return 'inactive';
    case OrganizationState.UNSPECIFIED:
    case OrganizationState.REMOVED:
      return undefined;
  }
  return undefined;
}

const emptyQuery = (index: number) => invalidField('QUERY_EMPTY', `queries[${index}]`, { field: `queries[${index}]` });

export function toAdmin({ userType, roles }: AddOrganizationRequest_Admin, index: number): Admin {
  switch (userType.case) {
    case 'userId':
      return { kind: 'existing', userId: userType.value, roles };
    case 'human':
      return { kind: 'human', human: toNewUser(userType.value, `admins[${index}].human.`), roles };
    case undefined:
      throw invalidField('ADMIN_MISSING', `admins[${index}]`);
  }
}
