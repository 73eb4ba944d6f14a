import type { ServiceImpl } from '@connectrpc/connect';
import type { ManagementService } from '../../gen/zitadel/management/v1/management_pb.ts';
import { sendEmailCode, setEmail } from '../features/email/service.ts';
import { allTypes, listAuthenticationFactors } from '../features/factors/service.ts';
import { addHumanUser, addMachineUser } from '../features/lifecycle/create.ts';
import { importHumanUser } from '../features/lifecycle/import.ts';
import { resendHumanInitialization } from '../features/lifecycle/initial.ts';
import { updateHumanProfile } from '../features/lifecycle/profile.ts';
import { removeOTPEmail, removeOTPSMS } from '../features/otp/service.ts';
import { createPasskeyRegistrationLink, listPasskeys, removePasskey, removeU2F } from '../features/passkey/service.ts';
import { passwordReset, setPassword } from '../features/password/service.ts';
import { removePhone, sendPhoneCode, setPhone } from '../features/phone/service.ts';
import { getHuman } from '../features/search/service.ts';
import { removeTOTP } from '../features/totp/service.ts';
import { detailsOf } from '../features/user/events.ts';
import { callOf } from '../kernel/context.ts';
import {
  channelOf,
  profileNames,
  ready,
  toChanged,
  toCreated,
  toFactor,
  toImport,
  toNewHuman,
  toNewMachine,
  toProfile,
  toProfileInput,
  toRead,
  toRegistration,
  toToken,
  verificationOf,
} from './convert.ts';

export const managementHandlers = {
  async addHumanUser(request, context) {
    const { userId, details } = await addHumanUser(callOf(context), toNewHuman(request));
    return { userId, details: toCreated(details) };
  },

  async importHumanUser(request, context) {
    const call = callOf(context);
    const { userId, details, passkeyCode } = await importHumanUser(call, toImport(request));
    const registration = passkeyCode && toRegistration(call, userId, passkeyCode);
    return { userId, details: toCreated(details), passwordlessRegistration: registration };
  },

  async addMachineUser(request, context) {
    const { userId, details } = await addMachineUser(callOf(context), toNewMachine(request));
    return { userId, details: toCreated(details) };
  },

  async getHumanProfile({ userId }, context) {
    const call = callOf(context);
    const user = await getHuman(call, userId);
    return { details: toRead(detailsOf(user)), profile: toProfile(call, user) };
  },

  async updateHumanProfile({ userId, ...profile }, context) {
    const details = await updateHumanProfile(callOf(context), userId, toProfileInput(profile), profileNames);
    return { details: toChanged(details) };
  },

  async getHumanEmail({ userId }, context) {
    const user = await getHuman(callOf(context), userId);
    return { details: toRead(detailsOf(user)), email: { email: user.email, isEmailVerified: user.emailVerified } };
  },

  async updateHumanEmail({ userId, email: address, isEmailVerified }, context) {
    const input = { address, verification: verificationOf(isEmailVerified) };
    const { details } = await setEmail(callOf(context), userId, input, { confirms: true });
    return { details: toChanged(details) };
  },

  async resendHumanInitialization({ userId, email }, context) {
    return { details: toChanged(await resendHumanInitialization(callOf(context), userId, email || undefined)) };
  },

  async resendHumanEmailVerification({ userId }, context) {
    const { details } = await sendEmailCode(callOf(context), userId, { kind: 'send' }, { onlyUnverified: true });
    return { details: toChanged(details) };
  },

  async getHumanPhone({ userId }, context) {
    const user = await getHuman(callOf(context), userId);
    return { details: toRead(detailsOf(user)), phone: { phone: user.phone, isPhoneVerified: user.phoneVerified } };
  },

  async updateHumanPhone({ userId, phone: number, isPhoneVerified }, context) {
    const input = { number, verification: verificationOf(isPhoneVerified) };
    const { details } = await setPhone(callOf(context), userId, input, { confirms: true, initial: true });
    return { details: toChanged(details) };
  },

  async removeHumanPhone({ userId }, context) {
    const details = await removePhone(callOf(context), userId, { absent: 'PHONE_NOT_FOUND', initial: true });
    return { details: toChanged(details) };
  },

  async resendHumanPhoneVerification({ userId }, context) {
    return { details: toChanged(await sendPhoneCode(callOf(context), userId)) };
  },

  async setHumanInitialPassword({ userId, password }, context) {
    const input = { kind: 'plain', password, changeRequired: true } as const;
    return { details: toChanged(await setPassword(callOf(context), userId, input, { kind: 'none' })) };
  },

  async setHumanPassword({ userId, password, noChangeRequired }, context) {
    const input = { kind: 'plain', password, changeRequired: !noChangeRequired } as const;
    return { details: toChanged(await setPassword(callOf(context), userId, input, { kind: 'none' })) };
  },

  async sendHumanResetPasswordNotification({ userId, type }, context) {
    const { details } = await passwordReset(callOf(context), userId, { kind: 'send', channel: channelOf(type) });
    return { details: toChanged(details) };
  },

  async listHumanAuthFactors({ userId }, context) {
    const factors = await listAuthenticationFactors(callOf(context), userId, allTypes, ready);
    return { result: factors.map(toFactor) };
  },

  async removeHumanAuthFactorOTP({ userId }, context) {
    return { details: toChanged(await removeTOTP(callOf(context), userId)) };
  },

  async removeHumanAuthFactorU2F({ userId, tokenId }, context) {
    return { details: toChanged(await removeU2F(callOf(context), userId, tokenId)) };
  },

  async removeHumanAuthFactorOTPSMS({ userId }, context) {
    return { details: toChanged(await removeOTPSMS(callOf(context), userId)) };
  },

  async removeHumanAuthFactorOTPEmail({ userId }, context) {
    return { details: toChanged(await removeOTPEmail(callOf(context), userId)) };
  },

  async listHumanPasswordless({ userId }, context) {
    return { result: (await listPasskeys(callOf(context), userId)).map(toToken) };
  },

  async addPasswordlessRegistration({ userId }, context) {
    const call = callOf(context);
    const { details, code } = await createPasskeyRegistrationLink(call, userId, { kind: 'return' });
    return { details: toCreated(details), ...(code && toRegistration(call, userId, code)) };
  },

  async sendPasswordlessRegistration({ userId }, context) {
    const { details } = await createPasskeyRegistrationLink(callOf(context), userId, { kind: 'send' });
    return { details: toCreated(details) };
  },

  async removeHumanPasswordless({ userId, tokenId }, context) {
    return { details: toChanged(await removePasskey(callOf(context), userId, tokenId)) };
  },
} satisfies Partial<ServiceImpl<typeof ManagementService>>;
