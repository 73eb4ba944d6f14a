import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { pageOf } from '../../kernel/paging.ts';
import { toDate } from '../user/convert.ts';
import { sortOf, toFilter, toToken } from './convert.ts';
import { addPersonalAccessToken, listPersonalAccessTokens, removePersonalAccessToken } from './service.ts';

export const machineHandlers = {
  async addPersonalAccessToken({ userId, expirationDate }, context) {
    const expiresAt = toDate(expirationDate, 'expiration_date');
    const { id, token, createdAt } = await addPersonalAccessToken(callOf(context), userId, expiresAt);
    return { tokenId: id, token, creationDate: timestampFromDate(createdAt) };
  },

  async removePersonalAccessToken({ userId, tokenId }, context) {
    return { deletionDate: timestampFromDate(await removePersonalAccessToken(callOf(context), userId, tokenId)) };
  },

  async listPersonalAccessTokens({ pagination, sortingColumn, filters }, context) {
    const page = pageOf(pagination, 'pagination');
    const search = { filters: filters.map(toFilter), sort: sortOf(sortingColumn), page };
    const { rows, total } = await listPersonalAccessTokens(callOf(context), search);
    return { pagination: { appliedLimit: BigInt(page.limit), totalResult: BigInt(total) }, result: rows.map(toToken) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
