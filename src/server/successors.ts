import type { DescMethod } from '@bufbuild/protobuf';
import { ManagementService } from '../../gen/zitadel/management/v1/management_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { UserService as OlderUserService } from '../../gen/zitadel/user/v2beta/user_service_pb.ts';

/** What takes the place of a method that goes away one day. */
export interface Successor {
  method: DescMethod;
  /** For whoever changes over: what differs beside the names of the fields. */
  differs: string;
}

/** Since when these methods are announced to go: seconds since 1970, of 2026-11-01. */
export const deprecatedSince = Date.UTC(2026, 10, 1) / 1000;

const { method: v2 } = UserService;

const creation =
  'The organization stands in `organization_id`. Nobody begins INITIAL: whoever cannot sign in yet is invited with CreateInviteCode';
const read = 'One call returns all of the user, in any organization that the caller may read';
const removal = 'The user itself may call it';

const successors: Partial<Record<keyof typeof ManagementService.method, Successor>> = {
  addHumanUser: {
    method: v2.createUser,
    differs: `${creation}. The user name may be left out; a password must be changed only if \`change_required\` says so`,
  },
  importHumanUser: {
    method: v2.createUser,
    differs: `${creation}. A plain password follows the instance's policy; a registration link is made with CreatePasskeyRegistrationLink; a provider need not be allowed to create users`,
  },
  addMachineUser: {
    method: v2.createUser,
    differs: 'The organization stands in `organization_id`; the user name may be left out',
  },
  getHumanProfile: { method: v2.getUserByID, differs: read },
  updateHumanProfile: {
    method: v2.updateUser,
    differs: 'Fields that are left out stay as they are; changing nothing succeeds; an unknown user is NOT_FOUND',
  },
  getHumanEmail: { method: v2.getUserByID, differs: read },
  updateHumanEmail: {
    method: v2.updateUser,
    differs:
      'The code can be returned, or sent with a link of your own; the same address again succeeds; an unknown user is NOT_FOUND',
  },
  resendHumanInitialization: {
    method: v2.createInviteCode,
    differs: 'For users who are not INITIAL and cannot sign in yet; the address is changed with UpdateUser before',
  },
  resendHumanEmailVerification: {
    method: v2.resendEmailCode,
    differs: 'Needs a code that nobody has used yet; SendEmailCode needs none, and sends one for a verified address too',
  },
  getHumanPhone: { method: v2.getUserByID, differs: read },
  updateHumanPhone: {
    method: v2.updateUser,
    differs:
      'The number may be written without "+" in the region of the server; the same number again succeeds; an unknown user is NOT_FOUND',
  },
  removeHumanPhone: { method: v2.updateUser, differs: 'An empty phone removes it; that there is none is no error' },
  resendHumanPhoneVerification: {
    method: v2.resendPhoneCode,
    differs: 'Needs a code that nobody has used yet (else FAILED_PRECONDITION); refuses INITIAL users',
  },
  setHumanInitialPassword: { method: v2.updateUser, differs: 'Set `change_required`; an unknown user is NOT_FOUND' },
  setHumanPassword: {
    method: v2.updateUser,
    differs: 'The password need not be changed unless `change_required` is set; an unknown user is NOT_FOUND',
  },
  sendHumanResetPasswordNotification: {
    method: v2.passwordReset,
    differs: 'The code can be returned, or sent with a link of your own; an unknown user is NOT_FOUND',
  },
  listHumanAuthFactors: {
    method: v2.listAuthenticationFactors,
    differs: 'Kinds and states can be chosen; a user that the caller may not read is NOT_FOUND',
  },
  removeHumanAuthFactorOTP: { method: v2.removeTOTP, differs: removal },
  removeHumanAuthFactorU2F: { method: v2.removeU2F, differs: removal },
  removeHumanAuthFactorOTPSMS: { method: v2.removeOTPSMS, differs: removal },
  removeHumanAuthFactorOTPEmail: { method: v2.removeOTPEmail, differs: removal },
  listHumanPasswordless: { method: v2.listPasskeys, differs: 'A user that the caller may not read is NOT_FOUND' },
  addPasswordlessRegistration: {
    method: v2.createPasskeyRegistrationLink,
    differs: 'With `return_code`: returns the code and its id, not a link; needs `user.passkey.write`',
  },
  sendPasswordlessRegistration: {
    method: v2.createPasskeyRegistrationLink,
    differs: 'With `send_link`: takes a link of your own; needs `user.passkey.write`, or to be the user itself',
  },
  removeHumanPasswordless: { method: v2.removePasskey, differs: removal },
};

const namesakes = OlderUserService.methods.map(({ localName, parent }) => {
  const method = UserService.methods.find((newer) => newer.localName === localName);
  if (!method) throw new Error(`${parent.typeName} has ${localName}, which ${UserService.typeName} has not`);
  return [localName, { method, differs: 'Nothing but the name' }] as const;
});

const byService: ReadonlyMap<string, ReadonlyMap<string, Successor>> = new Map([
  [ManagementService.typeName, new Map(Object.entries(successors))],
  [OlderUserService.typeName, new Map(namesakes)],
]);

/** Undefined for a method that stays. */
export const successorOf = ({ parent, localName }: DescMethod): Successor | undefined =>
  byService.get(parent.typeName)?.get(localName);
