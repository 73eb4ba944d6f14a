import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { pageOf } from '../../kernel/paging.ts';
import { toDate } from '../user/convert.ts';
import { sortOf, toFilter, toKeyContent, toList } from './convert.ts';
import { addKey, listKeys, removeKey } from './keys.ts';
import { addSecret, removeSecret } from './secret.ts';
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
    return toList(await listPersonalAccessTokens(callOf(context), search), page);
  },

  async addKey({ userId, expirationDate, publicKey }, context) {
    const expiresAt = toDate(expirationDate, 'expiration_date');
    const key = await addKey(callOf(context), userId, expiresAt, publicKey);
    return { keyId: key.id, keyContent: toKeyContent(key), creationDate: timestampFromDate(key.createdAt) };
  },

  async removeKey({ userId, keyId }, context) {
    return { deletionDate: timestampFromDate(await removeKey(callOf(context), userId, keyId)) };
  },

  async listKeys({ pagination, sortingColumn, filters }, context) {
    const page = pageOf(pagination, 'pagination');
    const search = { filters: filters.map(toFilter), sort: sortOf(sortingColumn), page };
    return toList(await listKeys(callOf(context), search), page);
  },

  async addSecret({ userId }, context) {
    const { secret, createdAt } = await addSecret(callOf(context), userId);
    return { clientSecret: secret, creationDate: timestampFromDate(createdAt) };
  },

  async removeSecret({ userId }, context) {
    return { deletionDate: timestampFromDate(await removeSecret(callOf(context), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
