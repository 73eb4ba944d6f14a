import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { addOTPEmail, addOTPSMS, removeOTPEmail, removeOTPSMS } from './service.ts';

export const otpHandlers = {
  async addOTPSMS({ userId }, context) {
    return { details: toDetails(await addOTPSMS(callOf(context), userId)) };
  },

  async removeOTPSMS({ userId }, context) {
    return { details: toDetails(await removeOTPSMS(callOf(context), userId)) };
  },

  async addOTPEmail({ userId }, context) {
    return { details: toDetails(await addOTPEmail(callOf(context), userId)) };
  },

  async removeOTPEmail({ userId }, context) {
    return { details: toDetails(await removeOTPEmail(callOf(context), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
