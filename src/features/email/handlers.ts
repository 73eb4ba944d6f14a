import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { toDelivery, toVerification } from './convert.ts';
import { resendEmailCode, sendEmailCode, setEmail, verifyEmail } from './service.ts';

export const emailHandlers = {
  async setEmail({ userId, email: address, verification }, context) {
    const input = { address, verification: toVerification(verification, 'send') };
    const { details, code } = await setEmail(callOf(context), userId, input);
    return { details: toDetails(details), verificationCode: code };
  },

  async resendEmailCode({ userId, verification }, context) {
    const { details, code } = await resendEmailCode(callOf(context), userId, toDelivery(verification));
    return { details: toDetails(details), verificationCode: code };
  },

  async sendEmailCode({ userId, verification }, context) {
    const { details, code } = await sendEmailCode(callOf(context), userId, toDelivery(verification));
    return { details: toDetails(details), verificationCode: code };
  },

  async verifyEmail({ userId, verificationCode }, context) {
    return { details: toDetails(await verifyEmail(callOf(context), userId, verificationCode)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
