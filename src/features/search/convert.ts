import { ByteFilterMethod } from '../../../gen/zitadel/filter/v2/filter_pb.ts';
import { type SearchQuery, Type, UserFieldName } from '../../../gen/zitadel/user/v2/query_pb.ts';
import { UserState } from '../../../gen/zitadel/user/v2/user_pb.ts';
import type { UserRow } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';
import { textMatchOf } from '../user/convert.ts';
import type { Filter } from './filter.ts';
import type { Sorting } from './repository.ts';

/** How deep and, or and not may stand in each other; as deep as in Zitadel. */
const maximumDepth = 20;
/** Conditions in one request: each may cost a scan of an index, and no caller may keep Postgres busy for long. A list counts once. */
const maximumConditions = 200;

/** The conditions of a request, all of which must hold: QUERY_EMPTY, QUERY_TOO_DEEP, QUERY_TOO_LARGE. */
export function toFilters(queries: readonly SearchQuery[]): Filter[] {
  const filters = queries.map((query, index) => toFilter(query, { field: `queries[${index}]`, depth: 0 }));
  if (conditionsIn(filters) > maximumConditions) {
    throw invalidField('QUERY_TOO_LARGE', 'queries', { maximum: String(maximumConditions) });
  }
  return filters;
}

interface Place {
  field: string;
  /** How many and, or and not stand around it. */
  depth: number;
}

function toFilter({ query }: SearchQuery, place: Place): Filter {
  switch (query.case) {
    case 'userNameQuery':
      return { on: 'text', field: 'username', match: textMatchOf(query.value.method, query.value.userName) };
    // The login name of a user is its username alone while usernames are unique on the whole instance.
    case 'loginNameQuery':
      return { on: 'text', field: 'username', match: textMatchOf(query.value.method, query.value.loginName) };
    case 'firstNameQuery':
      return { on: 'text', field: 'givenName', match: textMatchOf(query.value.method, query.value.firstName) };
    case 'lastNameQuery':
      return { on: 'text', field: 'familyName', match: textMatchOf(query.value.method, query.value.lastName) };
    case 'nickNameQuery':
      return { on: 'text', field: 'nickName', match: textMatchOf(query.value.method, query.value.nickName) };
    case 'displayNameQuery':
      return { on: 'text', field: 'displayName', match: textMatchOf(query.value.method, query.value.displayName) };
    case 'emailQuery':
      return { on: 'text', field: 'email', match: textMatchOf(query.value.method, query.value.emailAddress) };
    case 'phoneQuery':
      return { on: 'text', field: 'phone', match: textMatchOf(query.value.method, query.value.number) };
    case 'stateQuery':
      return toStateFilter(query.value.state);
    case 'typeQuery':
      return toTypeFilter(query.value.type);
    case 'organizationIdQuery':
      return { on: 'organizations', ids: [query.value.organizationId] };
    case 'inUserIdsQuery':
      return { on: 'ids', ids: filled(query.value.userIds, `${place.field}.in_user_ids_query.user_ids`) };
    case 'inUserEmailsQuery':
      return { on: 'emails', emails: filled(query.value.userEmails, `${place.field}.in_user_emails_query.user_emails`) };
    case 'metadataKeyFilter':
      return { on: 'metadataKey', match: textMatchOf(query.value.method, query.value.key) };
    case 'metadataValueFilter':
      return { on: 'metadataValue', value: query.value.value, equal: query.value.method === ByteFilterMethod.EQUALS };
    case 'andQuery':
      return { on: 'and', filters: toInnerFilters(query.value.queries, inside(place, 'and_query.queries')) };
    case 'orQuery':
      return { on: 'or', filters: toInnerFilters(query.value.queries, inside(place, 'or_query.queries')) };
    case 'notQuery':
      return toNotFilter(query.value.query, inside(place, 'not_query.query'));
    case undefined:
      throw emptyQuery(place.field);
  }
}

function inside({ field, depth }: Place, name: string): Place {
  if (depth === maximumDepth) throw invalidField('QUERY_TOO_DEEP', field, { maximum: String(maximumDepth) });
  return { field: `${field}.${name}`, depth: depth + 1 };
}

const toInnerFilters = (queries: readonly SearchQuery[], { field, depth }: Place): Filter[] =>
  filled(queries, field).map((query, index) => toFilter(query, { field: `${field}[${index}]`, depth }));

function toNotFilter(query: SearchQuery | undefined, place: Place): Filter {
  if (!query) throw emptyQuery(place.field);
  return { on: 'not', filter: toFilter(query, place) };
}

function filled<T>(list: readonly T[], field: string): readonly T[] {
  if (list.length === 0) throw emptyQuery(field);
  return list;
}

const emptyQuery = (field: string) => invalidField('QUERY_EMPTY', field, { field });

function conditionsIn(filters: readonly Filter[]): number {
  return filters.reduce((sum, filter) => {
    if (filter.on === 'and' || filter.on === 'or') return sum + conditionsIn(filter.filters);
    return sum + (filter.on === 'not' ? conditionsIn([filter.filter]) : 1);
  }, 0);
}

// Unspecified and deleted are states that no user here is in.
const states: Partial<Record<UserState, UserRow['state']>> = {
  [UserState.ACTIVE]: 'active',
  [UserState.INACTIVE]: 'inactive',
  [UserState.LOCKED]: 'locked',
  [UserState.INITIAL]: 'initial',
};

function toStateFilter(number: UserState): Filter {
  const state = states[number];
  return state ? { on: 'state', state } : { on: 'nobody' };
}

const types: Partial<Record<Type, UserRow['type']>> = { [Type.HUMAN]: 'human', [Type.MACHINE]: 'machine' };

function toTypeFilter(number: Type): Filter {
  const type = types[number];
  return type ? { on: 'type', type } : { on: 'nobody' };
}

const sortings: Record<UserFieldName, Sorting> = {
  [UserFieldName.UNSPECIFIED]: 'id',
  [UserFieldName.USER_NAME]: 'username',
  [UserFieldName.FIRST_NAME]: 'givenName',
  [UserFieldName.LAST_NAME]: 'familyName',
  [UserFieldName.NICK_NAME]: 'nickName',
  [UserFieldName.DISPLAY_NAME]: 'displayName',
  [UserFieldName.EMAIL]: 'email',
  [UserFieldName.STATE]: 'state',
  [UserFieldName.TYPE]: 'type',
  [UserFieldName.CREATION_DATE]: 'createdAt',
};

/** What a list is sorted by; a number that the enum does not know is refused. */
export function toSorting(column: UserFieldName): Sorting {
  const sorting: Sorting | undefined = sortings[column];
  if (!sorting) throw invalidField('INVALID_REQUEST', 'sorting_column', { violation: 'sorting_column: unknown value' });
  return sorting;
}
