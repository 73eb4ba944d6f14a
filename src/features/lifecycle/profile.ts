// Replacing the whole profile of a person.
import { authorize } from '../../kernel/auth/authorize.ts';
import { type Call, transaction } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import type { Details } from '../user/events.ts';
import { personOf, withDetails } from '../user/person.ts';
import { lockUser } from '../user/repository.ts';
import { type FieldNames, type ProfileInput, trimNames } from './names.ts';
import { changeProfile } from './update.ts';

/** In any state. NAME_BLANK; PROFILE_UNCHANGED when it is the one that the user has. `names`: where the request has them. */
export async function updateHumanProfile(
  call: Call,
  userId: string,
  profile: ProfileInput,
  names: Pick<FieldNames, 'givenName' | 'familyName'>,
): Promise<Details> {
  const trimmed = trimNames(profile, '', names);
  return transaction(call, async (tx) => {
    const user = authorize(tx, personOf(await lockUser(tx, userId)));
    if (!(await changeProfile(tx, user, trimmed))) throw failure('PROFILE_UNCHANGED');
    return (await withDetails(tx, user, {})).details;
  });
}
