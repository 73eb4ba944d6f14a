import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type AddHumanUserRequest,
  type AddMachineUserRequest,
  type ImportHumanUserRequest,
  SendHumanResetPasswordNotificationRequest_Type,
  type UpdateHumanProfileRequest,
} from '../../gen/zitadel/management/v1/management_pb.ts';
import {
  type AuthFactorSchema,
  AuthFactorState,
  type ProfileSchema,
  type WebAuthNTokenSchema,
} from '../../gen/zitadel/user/v1/user_pb.ts';
import type { ObjectDetailsSchema } from '../../gen/zitadel/v1/object_pb.ts';
import type { Factor } from '../features/factors/service.ts';
import type { NewHuman, NewMachine, NewUser } from '../features/lifecycle/create.ts';
import type { ImportedHuman } from '../features/lifecycle/import.ts';
import type { FieldNames, ProfileInput } from '../features/lifecycle/names.ts';
import type { PasswordInput } from '../features/password/service.ts';
import { avatarUrl } from '../features/user/avatarUrl.ts';
import { accessTokenTypeOf, genderOf, genders } from '../features/user/convert.ts';
import { toChange, toCreation, toObjectDetails } from '../features/user/convertObject.ts';
import type { Details } from '../features/user/events.ts';
import type { LinkCode } from '../features/user/registrationLink.ts';
import type { App, Call, UserRow } from '../kernel/call.ts';
import { codeShapes } from '../kernel/codes/codes.ts';
import { invalidField } from '../kernel/errors.ts';
import { defaultLink } from '../kernel/links.ts';
import type { Channel } from '../kernel/outbox/message.ts';

type ObjectDetails = MessageInitShape<typeof ObjectDetailsSchema>;

const owned = (details: Details) => ({ ...details, owner: details.organizationId });

/** Of what this very call has made: a user, a code. */
export const toCreated = (details: Details): ObjectDetails => toCreation({ ...owned(details), createdAt: details.changedAt });
export const toChanged = (details: Details): ObjectDetails => toChange(owned(details));
export const toRead = (details: Details): ObjectDetails => toObjectDetails(owned(details));

const names: FieldNames = {
  username: 'user_name',
  givenName: 'profile.first_name',
  familyName: 'profile.last_name',
  hash: 'hashed_password.value',
};

export const profileNames = { givenName: 'first_name', familyName: 'last_name' } as const;

export const verificationOf = (isVerified: boolean) => ({ kind: isVerified ? 'verified' : 'send' }) as const;

type Shared =
  | Pick<ImportHumanUserRequest, 'profile' | 'email' | 'phone'>
  | Pick<AddHumanUserRequest, 'profile' | 'email' | 'phone'>;

function toHuman({ profile, email, phone }: Shared): NewHuman {
  if (!profile || !email) throw new Error('profile and e-mail are required by the definition');
  return {
    type: 'human',
    path: '',
    profile: toProfileInput(profile),
    email: { address: email.email, verification: verificationOf(email.isEmailVerified) },
    phone: phone && { number: phone.phone, verification: verificationOf(phone.isPhoneVerified) },
    links: [],
    initialUntilReady: true,
  };
}

export function toNewHuman(request: AddHumanUserRequest): NewUser & { details: NewHuman } {
  const { userName: username, initialPassword } = request;
  const details = { ...toHuman(request), password: plain(initialPassword, true) };
  return { username, metadata: [], details, names };
}

export function toImport(request: ImportHumanUserRequest): ImportedHuman {
  const { userName: username, idps, recoveryCodes, requestPasswordlessRegistration: passkeyLink } = request;
  const links = idps.map((idp) => ({ providerId: idp.configId, externalId: idp.externalUserId, userName: idp.displayName }));
  const details = { ...toHuman(request), password: toPassword(request), links, passkeyLink };
  const recoveryHashes = recoveryCodes.flatMap(({ codeType }, index) =>
    codeType.case === 'hash' ? [{ hash: codeType.value, field: `recovery_codes[${index}].hash` }] : [],
  );
  return { username, metadata: [], details, names, recoveryHashes };
}

/** An empty password, or an empty hash, is none. */
function toPassword({ password, hashedPassword, passwordChangeRequired }: ImportHumanUserRequest): PasswordInput | undefined {
  const hash = hashedPassword?.value ?? '';
  if (hash === '') return plain(password, passwordChangeRequired);
  if (password !== '') throw invalidField('PASSWORD_TWICE', 'hashed_password');
  return { kind: 'hash', hash, changeRequired: false };
}

const plain = (password: string, changeRequired: boolean): PasswordInput | undefined =>
  password === '' ? undefined : { kind: 'plain', password, changeRequired };

export function toNewMachine(request: AddMachineUserRequest): NewUser & { details: NewMachine } {
  const { userId, userName: username, name, description } = request;
  const accessTokenType = accessTokenTypeOf(request.accessTokenType);
  return { userId, username, metadata: [], details: { type: 'machine', name, description, accessTokenType }, names };
}

type Profile = Pick<
  UpdateHumanProfileRequest,
  'firstName' | 'lastName' | 'nickName' | 'displayName' | 'preferredLanguage' | 'gender'
>;

export const toProfileInput = ({
  firstName,
  lastName,
  nickName,
  displayName,
  preferredLanguage,
  gender,
}: Profile): ProfileInput => ({
  givenName: firstName,
  familyName: lastName,
  nickName,
  displayName,
  preferredLanguage,
  gender: genderOf(gender),
});

export const toProfile = (app: App, user: UserRow): MessageInitShape<typeof ProfileSchema> => ({
  firstName: user.givenName,
  lastName: user.familyName,
  nickName: user.nickName,
  displayName: user.displayName,
  preferredLanguage: user.preferredLanguage,
  gender: genders[user.gender],
  avatarUrl: avatarUrl(app, user),
});

export const channelOf = (type: SendHumanResetPasswordNotificationRequest_Type): Channel =>
  type === SendHumanResetPasswordNotificationRequest_Type.SMS ? 'sms' : 'email';

/** Only what can be used is listed. */
export const ready: ReadonlySet<boolean> = new Set([true]);

export function toFactor(factor: Factor): MessageInitShape<typeof AuthFactorSchema> {
  const state = AuthFactorState.READY;
  switch (factor.type) {
    case 'otp':
      return { state, type: { case: 'otp', value: {} } };
    case 'otp-sms':
      return { state, type: { case: 'otpSms', value: {} } };
    case 'otp-email':
      return { state, type: { case: 'otpEmail', value: {} } };
    case 'u2f':
      return { state, type: { case: 'u2f', value: { id: factor.id, name: factor.name } } };
  }
}

export const toToken = ({ id, name }: { id: string; name: string }): MessageInitShape<typeof WebAuthNTokenSchema> => ({
  id,
  name,
  state: AuthFactorState.READY,
});

/** The link that holds a code, and how long it works. */
export function toRegistration({ settings, organizationId }: Call, userId: string, code: LinkCode) {
  const values = { UserID: userId, OrgID: organizationId, CodeID: code.id, Code: code.code };
  const link = defaultLink(settings.publicUrl, 'passkey', values);
  const expiration = durationFromMs(codeShapes.passkey.lifetimeMs);
  return { link, lifetime: expiration, expiration };
}
