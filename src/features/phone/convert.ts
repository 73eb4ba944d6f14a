import type { SetHumanPhone } from '../../../gen/zitadel/user/v2/phone_pb.ts';
import type { ResendPhoneCodeRequest, SetPhoneRequest } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import type { Delivery, Verification } from './service.ts';

export const toVerification = (choice: SetHumanPhone['verification'] | SetPhoneRequest['verification']): Verification =>
  choice.case === 'isVerified' ? { kind: 'verified' } : toDelivery(choice);

export const toDelivery = (choice: ResendPhoneCodeRequest['verification']): Delivery =>
  choice.case === 'returnCode' ? { kind: 'return' } : { kind: 'send' };
