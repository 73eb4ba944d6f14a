import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { MetadataSearchFilter } from '../../../gen/zitadel/metadata/v2/metadata_pb.ts';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { invalidField } from '../../kernel/errors.ts';
import { pageOf } from '../../kernel/paging.ts';
import { textMatchOf } from '../user/convert.ts';
import type { KeyFilter, ListedEntry } from './repository.ts';
import { deleteUserMetadata, listUserMetadata, setUserMetadata } from './service.ts';

export const metadataHandlers = {
  async setUserMetadata({ userId, metadata }, context) {
    return { setDate: timestampFromDate(await setUserMetadata(callOf(context), userId, metadata)) };
  },

  async listUserMetadata({ userId, filters, pagination }, context) {
    const page = pageOf(pagination, 'pagination');
    const { entries, total } = await listUserMetadata(callOf(context), userId, filters.map(toFilter), page);
    return { metadata: entries.map(toMetadata), pagination: { appliedLimit: BigInt(page.limit), totalResult: BigInt(total) } };
  },

  async deleteUserMetadata({ userId, keys }, context) {
    return { deletionDate: timestampFromDate(await deleteUserMetadata(callOf(context), userId, keys)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

function toFilter({ filter }: MetadataSearchFilter, index: number): KeyFilter {
  const field = `filters[${index}]`;
  if (filter.case === undefined) throw invalidField('QUERY_EMPTY', field, { field });
  return textMatchOf(filter.value.method, filter.value.key);
}

const toMetadata = ({ key, value, createdAt, changedAt }: ListedEntry) => ({
  key,
  value,
  creationDate: timestampFromDate(createdAt),
  changeDate: timestampFromDate(changedAt),
});
