import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { TimestampFilter } from '../../../gen/zitadel/filter/v2/filter_pb.ts';
import type {
  PersonalAccessTokenFieldName,
  PersonalAccessTokenSchema,
  PersonalAccessTokensSearchFilter,
} from '../../../gen/zitadel/user/v2/pat_pb.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { Comparison, ListedToken, TokenFilter, TokenSearch } from './repository.ts';

/** Seconds since 1970 of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of a protobuf Timestamp. */
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/** A point in time; INVALID_REQUEST outside the years 1 to 9999, which the binary form does not keep to by itself. */
export function toDate(timestamp: Timestamp | undefined, field: string): Date {
  const inRange = timestamp && timestamp.seconds >= firstSecond && timestamp.seconds <= lastSecond;
  if (!inRange) throw invalidField('INVALID_REQUEST', field, { violation: `${field}: must be a time of the years 1 to 9999` });
  return timestampDate(timestamp);
}

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
      return { field: 'createdAt', ...toComparison(filter.value, `${place}.created_date_filter`) };
    case 'expirationDateFilter':
      return { field: 'expiresAt', ...toComparison(filter.value, `${place}.expiration_date_filter`) };
    case undefined:
      throw invalidField('QUERY_EMPTY', place, { field: place });
  }
}

function toComparison({ method, timestamp }: TimestampFilter, field: string): { comparison: Comparison; time: Date } {
  const comparison = comparisons[method];
  if (!comparison) throw new Error(`timestamp method ${method} passed validation`);
  return { comparison, time: toDate(timestamp, `${field}.timestamp`) };
}

// In the order of TimestampFilterMethod's numbers.
const comparisons = ['equals', 'after', 'afterOrEquals', 'before', 'beforeOrEquals'] as const;

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
