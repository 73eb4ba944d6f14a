// The names, the language and the gender of a person, as requests give them and as they are stored.
import type { UserRow } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import type { UserColumns } from '../user/events.ts';

export interface ProfileInput {
  givenName: string;
  familyName: string;
  nickName?: string | undefined;
  displayName?: string | undefined;
  preferredLanguage?: string | undefined;
  gender?: UserRow['gender'] | undefined;
}

/** Absent fields stay as they are. */
export type ProfileChanges = { [Field in keyof ProfileInput]?: ProfileInput[Field] | undefined };

/** What a request calls the fields that errors name, where they have several names. */
export interface FieldNames {
  username: string;
  givenName: string;
  familyName: string;
  hash: string;
}

export const usualNames: FieldNames = {
  username: 'username',
  givenName: 'profile.given_name',
  familyName: 'profile.family_name',
  hash: 'hashed_password.hash',
};

/** The profile with its first and last name, those that are given, trimmed; NAME_BLANK when nothing is left of one. */
export function trimNames<P extends ProfileChanges>(
  profile: P,
  path: string,
  names: Pick<FieldNames, 'givenName' | 'familyName'> = usualNames,
): P {
  const { givenName, familyName } = profile;
  return {
    ...profile,
    ...(givenName !== undefined && { givenName: trimName(givenName, `${path}${names.givenName}`) }),
    ...(familyName !== undefined && { familyName: trimName(familyName, `${path}${names.familyName}`) }),
  };
}

function trimName(name: string, place: string): string {
  const trimmed = name.trim();
  if (trimmed === '') throw invalidField('NAME_BLANK', place, { field: place.slice(place.lastIndexOf('.') + 1) });
  return trimmed;
}

type Names = Partial<Pick<UserRow, 'givenName' | 'familyName' | 'nickName' | 'displayName'>>;

/** Names with the forms that they are compared in. */
export function profileColumns({ givenName, familyName, nickName, displayName }: Names): UserColumns {
  return {
    ...(givenName !== undefined && { givenName, givenNameKey: textKey(givenName) }),
    ...(familyName !== undefined && { familyName, familyNameKey: textKey(familyName) }),
    ...(nickName !== undefined && { nickName, nickNameKey: textKey(nickName) }),
    ...(displayName !== undefined && { displayName, displayNameKey: textKey(displayName) }),
  };
}
