import type { SetHumanEmail } from '../../../gen/zitadel/user/v2/email_pb.ts';
import type { SendEmailCodeRequest, SetEmailRequest } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import type { Delivery, Verification } from './service.ts';

/** `unverified` says what `is_verified: false` means: no code (creation), or a code like any other (update). */
export function toVerification(
  choice: SetHumanEmail['verification'] | SetEmailRequest['verification'],
  unverified: 'none' | 'send',
): Verification {
  if (choice.case !== 'isVerified') return toDelivery(choice);
  return { kind: choice.value ? 'verified' : unverified };
}

export function toDelivery(choice: SendEmailCodeRequest['verification']): Delivery {
  switch (choice.case) {
    case 'returnCode':
      return { kind: 'return' };
    case 'sendCode':
      return { kind: 'send', urlTemplate: choice.value.urlTemplate };
    case undefined:
      return { kind: 'send' };
  }
}
