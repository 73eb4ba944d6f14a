import type { ServiceImpl } from '@connectrpc/connect';
import type { ManagementService } from '../../../gen/zitadel/management/v1/management_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toChange } from '../user/convertObject.ts';
import { removeHumanAvatar } from './service.ts';

export const avatarHandlers = {
  async removeHumanAvatar({ userId }, context) {
    const details = await removeHumanAvatar(callOf(context), userId);
    return { details: toChange({ ...details, owner: details.organizationId }) };
  },
} satisfies Partial<ServiceImpl<typeof ManagementService>>;
