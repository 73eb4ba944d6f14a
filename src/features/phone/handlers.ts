import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { toDelivery, toVerification } from './convert.ts';
import { removePhone, resendPhoneCode, setPhone, verifyPhone } from './service.ts';

export const phoneHandlers = {
  async setPhone({ userId, phone: number, verification }, context) {
    const { details, code } = await setPhone(callOf(context), userId, { number, verification: toVerification(verification) });
    return { details: toDetails(details), verificationCode: code };
  },

  async resendPhoneCode({ userId, verification }, context) {
    const { details, code } = await resendPhoneCode(callOf(context), userId, toDelivery(verification));
    return { details: toDetails(details), verificationCode: code };
  },

  async verifyPhone({ userId, verificationCode }, context) {
    return { details: toDetails(await verifyPhone(callOf(context), userId, verificationCode)) };
  },

  async removePhone({ userId }, context) {
    return { details: toDetails(await removePhone(callOf(context), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
