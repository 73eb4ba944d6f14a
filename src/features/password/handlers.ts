import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails } from '../user/convert.ts';
import { toNewPassword, toProof, toResetDelivery } from './convert.ts';
import { passwordReset, setPassword } from './service.ts';

export const passwordHandlers = {
  async passwordReset({ userId, medium }, context) {
    const { details, code } = await passwordReset(callOf(context), userId, toResetDelivery(medium));
    return { details: toDetails(details), verificationCode: code };
  },

  async setPassword({ userId, newPassword, verification }, context) {
    const choice = newPassword ? ({ case: 'password', value: newPassword } as const) : ({ case: undefined } as const);
    const input = toNewPassword(choice, 'new_password');
    return { details: toDetails(await setPassword(callOf(context), userId, input, toProof(verification))) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;
