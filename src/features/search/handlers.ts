import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { pageOf } from '../../kernel/paging.ts';
import { toUser, toUserDetails } from '../user/convertUser.ts';
import { toFilters, toSorting } from './convert.ts';
import { getUserByID, listUsers } from './service.ts';

export const searchHandlers = {
  async getUserByID(_request, context) {
    const call = callOf(context);
    const user = getUserByID(call);
    return { details: toUserDetails(user), user: toUser(call, user) };
  },

  async listUsers({ query, queries, sortingColumn }, context) {
    const call = callOf(context);
    const filters = toFilters(queries);
    const { users, total } = await listUsers(call, { filters, sorting: toSorting(sortingColumn), page: pageOf(query, 'query') });
    return {
      details: { totalResult: BigInt(total), processedSequence: 0n, timestamp: timestampFromDate(call.now) },
      sortingColumn,
      result: users.map((user) => toUser(call, user)),
    };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
