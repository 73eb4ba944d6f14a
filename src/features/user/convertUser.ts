// A user's message. It is made whole, as `create` would leave it: `create` copies what it is given, and lists hold hundreds.
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Details } from '../../../gen/zitadel/object/v2/object_pb.ts';
import {
  AccessTokenType,
  type HumanProfile,
  type HumanUser,
  type MachineUser,
  type User,
  UserState,
} from '../../../gen/zitadel/user/v2/user_pb.ts';
import type { App, UserRow } from '../../kernel/call.ts';
import { avatarUrl } from './avatarUrl.ts';
import { genders } from './convert.ts';

type Keys = 'usernameKey' | 'givenNameKey' | 'familyNameKey' | 'nickNameKey' | 'displayNameKey' | 'emailKey';

/** As it is, or as Postgres writes it: lists pass on what the driver gives them. */
type Written<T> = T extends Date | bigint ? T | string : T;

/** What is shown of a user: all but the compared forms. */
export type ShownUser = { [Name in Exclude<keyof UserRow, Keys>]: Written<UserRow[Name]> };

const states: Record<UserRow['state'], UserState> = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
  initial: UserState.INITIAL,
};

const accessTokenTypes: Record<UserRow['accessTokenType'], AccessTokenType> = {
  bearer: AccessTokenType.BEARER,
  jwt: AccessTokenType.JWT,
};

export const toUser = (app: Pick<App, 'settings'>, user: ShownUser): User => ({
  $typeName: 'zitadel.user.v2.User',
  userId: user.id,
  details: toUserDetails(user),
  state: states[user.state],
  username: user.username,
  loginNames: [user.username],
  preferredLoginName: user.username,
  type: user.type === 'human' ? { case: 'human', value: toHuman(app, user) } : { case: 'machine', value: toMachine(user) },
});

/** What a read answers with. */
export const toUserDetails = (user: ShownUser): Details => ({
  $typeName: 'zitadel.object.v2.Details',
  sequence: BigInt(user.sequence),
  changeDate: toTimestamp(user.changedAt),
  creationDate: toTimestamp(user.createdAt),
  resourceOwner: user.organizationId,
});

function toTimestamp(time: Date | string): Timestamp {
  const milliseconds = typeof time === 'string' ? Date.parse(time) : time.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return {
    $typeName: 'google.protobuf.Timestamp',
    seconds: BigInt(seconds),
    nanos: (milliseconds - seconds * 1000) * 1_000_000,
  };
}

const toTimestampIfAny = (time: Date | string | null) => (time === null ? undefined : toTimestamp(time));

const toHuman = (app: Pick<App, 'settings'>, user: ShownUser): HumanUser => ({
  $typeName: 'zitadel.user.v2.HumanUser',
  // Of the user around it.
  ...{ userId: '', state: UserState.UNSPECIFIED, username: '', loginNames: [], preferredLoginName: '' },
  profile: toProfile(app, user),
  email: { $typeName: 'zitadel.user.v2.HumanEmail', email: user.email, isVerified: user.emailVerified },
  phone: { $typeName: 'zitadel.user.v2.HumanPhone', phone: user.phone, isVerified: user.phoneVerified },
  passwordChangeRequired: user.passwordChangeRequired,
  passwordChanged: toTimestampIfAny(user.passwordChangedAt),
  mfaInitSkipped: toTimestampIfAny(user.mfaInitSkippedAt),
});

const toProfile = (app: Pick<App, 'settings'>, user: ShownUser): HumanProfile => ({
  $typeName: 'zitadel.user.v2.HumanProfile',
  givenName: user.givenName,
  familyName: user.familyName,
  nickName: user.nickName,
  displayName: user.displayName,
  preferredLanguage: user.preferredLanguage,
  gender: genders[user.gender],
  avatarUrl: avatarUrl(app, user),
});

const toMachine = (user: ShownUser): MachineUser => ({
  $typeName: 'zitadel.user.v2.MachineUser',
  name: user.name,
  description: user.description,
  hasSecret: user.hasSecret,
  accessTokenType: accessTokenTypes[user.accessTokenType],
});
