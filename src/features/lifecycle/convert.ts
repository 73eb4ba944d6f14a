import type { SetHumanEmail } from '../../../gen/zitadel/user/v2/email_pb.ts';
import type { HashedPassword, Password, SetPassword } from '../../../gen/zitadel/user/v2/password_pb.ts';
import type { SetHumanPhone } from '../../../gen/zitadel/user/v2/phone_pb.ts';
import type { SetHumanProfile } from '../../../gen/zitadel/user/v2/user_pb.ts';
import type { AddHumanUserRequest, CreateUserRequest_Human } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { EmailInput } from '../email/service.ts';
import type { PasswordInput, Proof } from '../password/service.ts';
import type { PhoneInput } from '../phone/service.ts';
import { genderOf } from '../user/convert.ts';
import type { NewHuman, NewUser, ProfileInput } from './create.ts';

/** The part that AddHumanUser, CreateUser and an organization's first admins have in common, at this path of their requests. */
export function toNewHuman(human: AddHumanUserRequest | CreateUserRequest_Human, path: string): NewHuman {
  const { profile, email, phone, passwordType, idpLinks, totpSecret } = human;
  if (!profile || !email) throw new Error('profile and e-mail are required by the definition');
  return {
    type: 'human',
    path,
    profile: toProfile(profile),
    email: { address: email.email, verification: emailVerification(email, 'none') },
    phone: phone && { number: phone.phone, verification: phoneVerification(phone) },
    password: toPassword(passwordType),
    linkedProviders: idpLinks.map(({ idpId }) => idpId),
    totpSecret,
  };
}

/** Where `is_verified: false` means no code (creation) or a code like any other (update). */
export function emailVerification(
  { verification: choice }: SetHumanEmail,
  unverified: 'none' | 'send',
): EmailInput['verification'] {
  switch (choice.case) {
    case 'isVerified':
      return { kind: choice.value ? 'verified' : unverified };
    case 'returnCode':
      return { kind: 'return' };
    case 'sendCode':
      return { kind: 'send', urlTemplate: choice.value.urlTemplate };
    case undefined:
      return { kind: 'send' };
  }
}

export function phoneVerification({ verification: choice }: SetHumanPhone): PhoneInput['verification'] {
  switch (choice.case) {
    case 'isVerified':
      return { kind: 'verified' };
    case 'returnCode':
      return { kind: 'return' };
    case 'sendCode':
    case undefined:
      return { kind: 'send' };
  }
}

export const toProfile = (profile: SetHumanProfile): ProfileInput => ({
  givenName: profile.givenName,
  familyName: profile.familyName,
  nickName: profile.nickName,
  displayName: profile.displayName,
  preferredLanguage: profile.preferredLanguage,
  gender: profile.gender === undefined ? undefined : genderOf(profile.gender),
});

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

export function toPasswordChange(
  { passwordType, verification }: SetPassword,
  path: string,
): { input: PasswordInput; proof: Proof } {
  const input = toPassword(passwordType);
  if (!input) throw invalidField('PASSWORD_EMPTY', `${path}password`);
  return { input, proof: toProof(verification) };
}

function toProof(choice: SetPassword['verification']): Proof {
  switch (choice.case) {
    case 'currentPassword':
      return { kind: 'current', password: choice.value };
    case 'verificationCode':
      return { kind: 'code', code: choice.value };
    case undefined:
      return { kind: 'none' };
  }
}

/** Metadata has an old place in the human part of CreateUser: one of the two, never both. */
export function oneMetadata<T>(own: T[], deprecated: T[]): T[] {
  if (own.length > 0 && deprecated.length > 0) throw invalidField('METADATA_TWICE', 'human.metadata');
  return own.length > 0 ? own : deprecated;
}

export const toNewUser = (request: AddHumanUserRequest, path = ''): NewUser & { details: NewHuman } => ({
  userId: request.userId,
  username: request.username,
  metadata: request.metadata,
  details: toNewHuman(request, path),
});
