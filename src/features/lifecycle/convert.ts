import type { SetHumanProfile } from '../../../gen/zitadel/user/v2/user_pb.ts';
import type { AddHumanUserRequest, CreateUserRequest_Human } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { invalidField } from '../../kernel/errors.ts';
import { toVerification as toEmailVerification } from '../email/convert.ts';
import { toAccount } from '../idp/convert.ts';
import { toPassword } from '../password/convert.ts';
import { toVerification as toPhoneVerification } from '../phone/convert.ts';
import { genderOf } from '../user/convert.ts';
import type { NewHuman, NewUser } from './create.ts';
import type { ProfileInput } from './names.ts';

/** The part that AddHumanUser, CreateUser and an organization's first admins have in common, at this path of their requests. */
export function toNewHuman(human: AddHumanUserRequest | CreateUserRequest_Human, path: string): NewHuman {
  const { profile, email, phone, passwordType, idpLinks, totpSecret } = human;
  if (!profile || !email) throw new Error('profile and e-mail are required by the definition');
  return {
    type: 'human',
    path,
    profile: toProfile(profile),
    email: { address: email.email, verification: toEmailVerification(email.verification, 'none') },
    phone: phone && { number: phone.phone, verification: toPhoneVerification(phone.verification) },
    password: toPassword(passwordType),
    links: idpLinks.map(toAccount),
    totpSecret,
  };
}

export const toProfile = (profile: SetHumanProfile): ProfileInput => ({
  givenName: profile.givenName,
  familyName: profile.familyName,
  nickName: profile.nickName,
  displayName: profile.displayName,
  preferredLanguage: profile.preferredLanguage,
  gender: profile.gender === undefined ? undefined : genderOf(profile.gender),
});

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
