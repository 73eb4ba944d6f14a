import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { registerTOTP, removeTOTP, verifyTOTPRegistration } from './service.ts';

export const totpHandlers = {
  async registerTOTP({ userId }, context) {
    const { details, uri, secret } = await registerTOTP(callOf(context), userId);
    return { details: toDetails(details), uri, secret };
  },

  async verifyTOTPRegistration({ userId, code }, context) {
    return { details: toDetails(await verifyTOTPRegistration(callOf(context), userId, code)) };
  },

  async removeTOTP({ userId }, context) {
    return { details: toDetails(await removeTOTP(callOf(context), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
