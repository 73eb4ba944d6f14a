import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Details, DetailsSchema } from '../../../gen/zitadel/object/v2/object_pb.ts';
import type { IDPInformationSchema } from '../../../gen/zitadel/user/v2/idp_pb.ts';
import type { Identity, Profile } from '../idp/identity.ts';
import type { WrittenIntent } from './repository.ts';
import type { Retrieved } from './service.ts';

/** Intents belong to the instance. */
export const toIntentDetails = ({ sequence, changedAt, instanceId }: WrittenIntent): Details =>
  create(DetailsSchema, { sequence, changeDate: timestampFromDate(changedAt), resourceOwner: instanceId });

export function toInformation(
  { providerId }: { providerId: string },
  identity: Identity,
): MessageInitShape<typeof IDPInformationSchema> {
  const { externalId, userName, raw } = identity;
  return { idpId: providerId, userId: externalId, userName, rawInformation: raw, access: accessOf(identity) };
}

function accessOf({ access }: Identity) {
  switch (access.kind) {
    case 'oauth': {
      const { kind: _, ...tokens } = access;
      return { case: 'oauth', value: tokens } as const;
    }
    case 'ldap':
      return { case: 'ldap', value: { attributes: access.attributes } } as const;
    case 'saml':
      return { case: 'saml', value: { assertion: new Uint8Array(Buffer.from(access.assertion)) } } as const;
  }
}

/** One more call makes the account, or brings it up to date. */
export function toProposal({ intent, identity, userId }: Retrieved) {
  const { profile } = identity;
  const parts = { profile: profileOf(profile), email: emailOf(profile), phone: phoneOf(profile) };
  if (userId !== undefined) {
    const userType = { case: 'human', value: parts } as const;
    return {
      userId,
      updateHumanUser: { userId, ...parts },
      userAction: { case: 'updateUser', value: { userId, userType } } as const,
    };
  }
  const username = profile.preferredUsername === '' ? {} : { username: profile.preferredUsername };
  const idpLinks = [{ idpId: intent.providerId, userId: identity.externalId, userName: identity.userName }];
  const human = { ...parts, idpLinks };
  const userType = { case: 'human', value: human } as const;
  return {
    userId: '',
    addHumanUser: { ...username, ...human },
    userAction: { case: 'createUser', value: { ...username, userType } } as const,
  };
}

const profileOf = ({ givenName, familyName, displayName, nickName, language }: Profile) => ({
  givenName,
  familyName,
  ...(displayName !== '' && { displayName }),
  ...(nickName !== '' && { nickName }),
  preferredLanguage: language || 'und',
});

function emailOf({ email, emailVerified }: Profile) {
  if (email === '') return undefined;
  return emailVerified
    ? ({ email, verification: { case: 'isVerified', value: true } } as const)
    : ({ email, verification: { case: 'sendCode', value: {} } } as const);
}

function phoneOf({ phone, phoneVerified }: Profile) {
  if (phone === '') return undefined;
  return phoneVerified
    ? ({ phone, verification: { case: 'isVerified', value: true } } as const)
    : ({ phone, verification: { case: 'sendCode', value: {} } } as const);
}
