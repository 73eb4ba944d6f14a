import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { generateRecoveryCodes, removeRecoveryCodes } from './service.ts';

export const recoveryHandlers = {
  async generateRecoveryCodes({ userId, count }, context) {
    const { details, codes } = await generateRecoveryCodes(callOf(context), userId, count);
    return { details: toDetails(details), recoveryCodes: codes };
  },

  async removeRecoveryCodes({ userId }, context) {
    return { details: toDetails(await removeRecoveryCodes(callOf(context), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
