import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { KeyFieldName, KeysSearchFilter } from '../../../gen/zitadel/user/v2/key_pb.ts';
import type { PersonalAccessTokenFieldName, PersonalAccessTokensSearchFilter } from '../../../gen/zitadel/user/v2/pat_pb.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { Page } from '../../kernel/paging.ts';
import { toTimeMatch } from '../user/convert.ts';
import type { NewKey } from './keys.ts';
import type { Credential, CredentialFilter, CredentialList, CredentialSearch } from './repository.ts';

export function toFilter({ filter }: PersonalAccessTokensSearchFilter | KeysSearchFilter, index: number): CredentialFilter {
  const place = `filters[${index}]`;
  switch (filter.case) {
    case 'tokenIdFilter':
    case 'keyIdFilter':
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

// In the order of the numbers of both enums.
const sorts = ['createdAt', 'createdAt', 'id', 'userId', 'organizationId', 'expiresAt'] as const;

/** Without a column, by creation. */
export const sortOf = (column: PersonalAccessTokenFieldName | KeyFieldName | undefined): CredentialSearch['sort'] =>
  sorts[column ?? 0] ?? 'createdAt';

/** A page of tokens or of keys: they are told alike. */
export const toList = ({ rows, total }: CredentialList, { limit }: Page) => ({
  pagination: { appliedLimit: BigInt(limit), totalResult: BigInt(total) },
  result: rows.map(toCredential),
});

const toCredential = ({ id, userId, organizationId, createdAt, changedAt, expiresAt }: Credential) => ({
  id,
  userId,
  organizationId,
  creationDate: timestampFromDate(createdAt),
  changeDate: timestampFromDate(changedAt),
  expirationDate: timestampFromDate(expiresAt),
});

/** The file that clients of the original read; nothing where the private key is not ours. */
export function toKeyContent({ id, userId, privateKey, expiresAt }: NewKey): Uint8Array {
  if (privateKey === undefined) return new Uint8Array();
  const file = { type: 'serviceaccount', keyId: id, key: privateKey, expirationDate: expiresAt.toISOString(), userId };
  return Buffer.from(JSON.stringify(file));
}
