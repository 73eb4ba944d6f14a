import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type {
  PersonalAccessTokenFieldName,
  PersonalAccessTokenSchema,
  PersonalAccessTokensSearchFilter,
} from '../../../gen/zitadel/user/v2/pat_pb.ts';
import { invalidField } from '../../kernel/errors.ts';
import { toTimeMatch } from '../user/convert.ts';
import type { ListedToken, TokenFilter, TokenSearch } from './repository.ts';

export function toFilter({ filter }: PersonalAccessTokensSearchFilter, index: number): TokenFilter {
  const place = `filters[${index}]`;
  switch (filter.case) {
    case 'tokenIdFilter':
      return { field: 'id', id: filter.value.id };
    case 'userIdFilter':
      return { field: 'userId', id: filter.value.id };
    case 'organizationIdFilter':
      return { field: 'organizationId', id: filter.value.id };
    case 'createdDateFilter':
      return {
        field: 'createdAt',
        ...toTimeMatch(filter.value.method, filter.value.timestamp, `${place}.created_date_filter.timestamp`),
      };
    case 'expirationDateFilter':
      return {
        field: 'expiresAt',
        ...toTimeMatch(filter.value.method, filter.value.timestamp, `${place}.expiration_date_filter.timestamp`),
      };
    case undefined:
      throw invalidField('QUERY_EMPTY', place, { field: place });
  }
}

// In the order of PersonalAccessTokenFieldName's numbers.
const sorts = ['createdAt', 'createdAt', 'id', 'userId', 'organizationId', 'expiresAt'] as const;

/** Without a column, by creation. */
export const sortOf = (column: PersonalAccessTokenFieldName | undefined): TokenSearch['sort'] =>
  sorts[column ?? 0] ?? 'createdAt';

export const toToken = (row: ListedToken): MessageInitShape<typeof PersonalAccessTokenSchema> => ({
  id: row.id,
  userId: row.userId,
  organizationId: row.organizationId,
  creationDate: timestampFromDate(row.createdAt),
  changeDate: timestampFromDate(row.changedAt),
  expirationDate: timestampFromDate(row.expiresAt),
});
