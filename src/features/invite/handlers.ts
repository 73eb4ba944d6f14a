import type { ServiceImpl } from '@connectrpc/connect';
import type { CreateInviteCodeRequest, UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { createInviteCode, type Delivery, resendInviteCode, verifyInviteCode } from './service.ts';

export const inviteHandlers = {
  async createInviteCode({ userId, verification }, context) {
    const { details, code } = await createInviteCode(callOf(context), userId, toDelivery(verification));
    return { details: toDetails(details), inviteCode: code };
  },

  async resendInviteCode({ userId }, context) {
    return { details: toDetails(await resendInviteCode(callOf(context), userId)) };
  },

  async verifyInviteCode({ userId, verificationCode }, context) {
    return { details: toDetails(await verifyInviteCode(callOf(context), userId, verificationCode)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

function toDelivery(choice: CreateInviteCodeRequest['verification']): Delivery {
  switch (choice.case) {
    case 'returnCode':
      return { kind: 'return' };
    case 'sendCode':
      return { kind: 'send', urlTemplate: choice.value.urlTemplate, applicationName: choice.value.applicationName };
    case undefined:
      return { kind: 'send' };
  }
}
