import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type {
  CreateUserRequest,
  UpdateUserRequest,
  UpdateUserRequest_Human,
  UserService,
} from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { toVerification as toEmailVerification } from '../email/convert.ts';
import { toPasswordChange } from '../password/convert.ts';
import { toVerification as toPhoneVerification } from '../phone/convert.ts';
import { accessTokenTypeOf, genderOf, toDetails } from '../user/convert.ts';
import { oneMetadata, toNewHuman, toNewUser, toProfile } from './convert.ts';
import { addHumanUser, createUser, type NewUser } from './create.ts';
import { deleteUser } from './delete.ts';
import { humanMFAInitSkipped } from './mfa.ts';
import { deactivateUser, lockUser, reactivateUser, unlockUser } from './state.ts';
import { type HumanChanges, type UserChanges, updateUser } from './update.ts';

export const lifecycleHandlers = {
  async createUser(request, context) {
    const { userId, details, emailCode, phoneCode } = await createUser(callOf(context), request.organizationId, newUser(request));
    return { id: userId, creationDate: timestampFromDate(details.createdAt), emailCode, phoneCode };
  },

  async addHumanUser(request, context) {
    const { userId, details, emailCode, phoneCode } = await addHumanUser(callOf(context), toNewUser(request));
    return { userId, details: toDetails(details), emailCode, phoneCode };
  },

  async updateUser(request, context) {
    const { details, emailCode, phoneCode } = await updateUser(callOf(context), request.userId, userChanges(request));
    return { changeDate: timestampFromDate(details.changedAt), emailCode, phoneCode };
  },

  async updateHumanUser({ userId, username, profile, email, phone, password }, context) {
    const { details, emailCode, phoneCode } = await updateUser(callOf(context), userId, {
      username,
      metadata: [],
      of: {
        type: 'human',
        path: '',
        profile: profile && toProfile(profile),
        email: email && { address: email.email, verification: toEmailVerification(email.verification, 'send') },
        // This call does not remove a phone: an empty one says nothing.
        phone:
          phone && phone.phone !== ''
            ? { number: phone.phone, verification: toPhoneVerification(phone.verification) }
            : undefined,
        password: password && toPasswordChange(password, ''),
      },
    });
    return { details: toDetails(details), emailCode, phoneCode };
  },

  async deactivateUser({ userId }, context) {
    return { details: toDetails(await deactivateUser(callOf(context), userId)) };
  },

  async reactivateUser({ userId }, context) {
    return { details: toDetails(await reactivateUser(callOf(context), userId)) };
  },

  async lockUser({ userId }, context) {
    return { details: toDetails(await lockUser(callOf(context), userId)) };
  },

  async unlockUser({ userId }, context) {
    return { details: toDetails(await unlockUser(callOf(context), userId)) };
  },

  async humanMFAInitSkipped({ userId }, context) {
    return { details: toDetails(await humanMFAInitSkipped(callOf(context), userId)) };
  },

  async deleteUser({ userId }, context) {
    return { details: toDetails(await deleteUser(callOf(context), userId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

function newUser({ userId, username, metadata, userType }: CreateUserRequest): NewUser {
  switch (userType.case) {
    case 'human': {
      const details = toNewHuman(userType.value, 'human.');
      return { userId, username, metadata: oneMetadata(metadata, userType.value.metadata), details };
    }
    case 'machine': {
      const { name, description = '', accessTokenType } = userType.value;
      const details = { type: 'machine', name, description, accessTokenType: accessTokenTypeOf(accessTokenType) } as const;
      return { userId, username, metadata, details };
    }
    case undefined:
      throw new Error('one of human and machine is required by the definition');
  }
}

function userChanges({ username, metadata, userType }: UpdateUserRequest): UserChanges {
  switch (userType.case) {
    case 'human':
      return { username, metadata, of: humanChanges(userType.value) };
    case 'machine': {
      const { name, description, accessTokenType } = userType.value;
      const type = accessTokenType === undefined ? undefined : accessTokenTypeOf(accessTokenType);
      return { username, metadata, of: { type: 'machine', name, description, accessTokenType: type } };
    }
    case undefined:
      throw failure('NOT_IMPLEMENTED');
  }
}

function humanChanges({ profile, email, phone, password }: UpdateUserRequest_Human): HumanChanges {
  return {
    type: 'human',
    path: 'human.',
    profile: profile && {
      givenName: profile.givenName,
      familyName: profile.familyName,
      nickName: profile.nickName,
      displayName: profile.displayName,
      preferredLanguage: profile.preferredLanguage,
      gender: profile.gender === undefined ? undefined : genderOf(profile.gender),
    },
    email: email && { address: email.email, verification: toEmailVerification(email.verification, 'send') },
    phone: phone && phoneChange(phone),
    password: password && toPasswordChange(password, 'human.'),
  };
}

function phoneChange(phone: NonNullable<UpdateUserRequest_Human['phone']>): HumanChanges['phone'] {
  if (phone.phone !== '') return { number: phone.phone, verification: toPhoneVerification(phone.verification) };
  if (phone.verification.case !== undefined) throw invalidField('PHONE_INVALID', 'human.phone.verification');
  return 'removed';
}
