// The calls that send a message to somebody, and what it holds. Tests find out for themselves which these are, and fail
// when one is missing here.
import type { Purpose } from '../../src/kernel/codes/codes.ts';
import type { Channel, MessageKind } from '../../src/kernel/outbox/message.ts';

export interface Sent {
  kind: MessageKind;
  channel: Channel;
  /** What the code in it is for. */
  purpose?: Purpose;
}

const toVerifyEmail: Sent = { kind: 'verify-email', channel: 'email', purpose: 'email' };
const toVerifyPhone: Sent = { kind: 'verify-phone', channel: 'sms', purpose: 'phone' };
const toReset: Sent = { kind: 'reset-password', channel: 'email', purpose: 'password' };
const toResetBySms: Sent = { kind: 'reset-password', channel: 'sms', purpose: 'password' };
const toInvite: Sent = { kind: 'invite', channel: 'email', purpose: 'invite' };
const toRegister: Sent = { kind: 'passkey-link', channel: 'email', purpose: 'passkey' };
const toSignIn: Sent = { kind: 'otp', channel: 'email' };
const toSignInBySms: Sent = { kind: 'otp', channel: 'sms' };
const toInitialise: Sent = { kind: 'initialise', channel: 'email', purpose: 'init' };
const changed: Sent = { kind: 'password-changed', channel: 'email' };

/** By method: all that it may send. */
export const sending: Readonly<Record<string, readonly Sent[]>> = {
  CreateUser: [toVerifyEmail, toVerifyPhone],
  AddHumanUser: [toVerifyEmail, toVerifyPhone],
  AddOrganization: [toVerifyEmail, toVerifyPhone],
  UpdateUser: [toVerifyEmail, toVerifyPhone, changed],
  UpdateHumanUser: [toVerifyEmail, toVerifyPhone, changed],
  SetEmail: [toVerifyEmail],
  ResendEmailCode: [toVerifyEmail],
  SendEmailCode: [toVerifyEmail],
  SetPhone: [toVerifyPhone],
  ResendPhoneCode: [toVerifyPhone],
  PasswordReset: [toReset, toResetBySms],
  SetPassword: [changed],
  CreateInviteCode: [toInvite],
  ResendInviteCode: [toInvite],
  CreatePasskeyRegistrationLink: [toRegister],
  CreateSession: [toSignIn, toSignInBySms],
  SetSession: [toSignIn, toSignInBySms],
};

/** The same of the older calls, which hand it to the same steps. */
export const sendingBefore: Readonly<Record<string, readonly Sent[]>> = {
  AddHumanUser: [toInitialise, toVerifyPhone],
  ImportHumanUser: [toInitialise, toVerifyEmail, toVerifyPhone],
  UpdateHumanEmail: [toVerifyEmail],
  ResendHumanInitialization: [toInitialise],
  ResendHumanEmailVerification: [toVerifyEmail],
  UpdateHumanPhone: [toVerifyPhone],
  ResendHumanPhoneVerification: [toVerifyPhone],
  SetHumanInitialPassword: [changed],
  SetHumanPassword: [changed],
  SendHumanResetPasswordNotification: [toReset, toResetBySms],
  SendPasswordlessRegistration: [toRegister],
};
