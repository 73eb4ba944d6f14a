import type { HashedPassword, Password, SetPassword } from '../../../gen/zitadel/user/v2/password_pb.ts';
import { NotificationType } from '../../../gen/zitadel/user/v2/password_pb.ts';
import type { PasswordResetRequest } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { PasswordInput, Proof, ResetDelivery } from './service.ts';

type PasswordChoice =
  | { case: 'password'; value: Password }
  | { case: 'hashedPassword'; value: HashedPassword }
  | { case: undefined; value?: undefined };

export function toPassword(choice: PasswordChoice): PasswordInput | undefined {
  switch (choice.case) {
    case 'password':
      return { kind: 'plain', password: choice.value.password, changeRequired: choice.value.changeRequired };
    case 'hashedPassword':
      return { kind: 'hash', hash: choice.value.hash, changeRequired: choice.value.changeRequired };
    case undefined:
      return undefined;
  }
}

/** A password that is to replace another one has to be there: PASSWORD_EMPTY. */
export function toNewPassword(choice: PasswordChoice, field: string): PasswordInput {
  const input = toPassword(choice);
  if (!input) throw invalidField('PASSWORD_EMPTY', field);
  return input;
}

export const toPasswordChange = ({ passwordType, verification }: SetPassword, path: string) => ({
  input: toNewPassword(passwordType, `${path}password`),
  proof: toProof(verification),
});

export function toProof(choice: SetPassword['verification']): Proof {
  switch (choice.case) {
    case 'currentPassword':
      return { kind: 'current', password: choice.value };
    case 'verificationCode':
      return { kind: 'code', code: choice.value };
    case undefined:
      return { kind: 'none' };
  }
}

export function toResetDelivery(choice: PasswordResetRequest['medium']): ResetDelivery {
  switch (choice.case) {
    case 'returnCode':
      return { kind: 'return' };
    case 'sendLink': {
      const { notificationType, urlTemplate } = choice.value;
      return { kind: 'send', channel: notificationType === NotificationType.SMS ? 'sms' : 'email', urlTemplate };
    }
    case undefined:
      return { kind: 'send', channel: 'email' };
  }
}
