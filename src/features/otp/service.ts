// Owns: that a person can be sent a one-time code as a factor, by SMS or e-mail. Leaves the codes themselves to whoever
// signs people in, the address and the number to features/email and features/phone.
import { forgetFactor } from '../../kernel/auth/sessions.ts';
import type { Call } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import type { Channel } from '../../kernel/outbox/message.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Details, record } from '../user/events.ts';
import { changePerson } from '../user/person.ts';
import { deleteFactor, insertFactor } from './repository.ts';

const unverified: Record<Channel, Reason> = { email: 'EMAIL_NOT_VERIFIED', sms: 'PHONE_NOT_VERIFIED' };

/** OTP_EXISTS; EMAIL_NOT_VERIFIED, PHONE_NOT_VERIFIED while nobody has shown that the codes would reach the right one. */
async function add(call: Call, userId: string, channel: Channel): Promise<Details> {
  const { details } = await changePerson(call, userId, {}, async (tx, user) => {
    if (!(await insertFactor(tx, userId, channel))) throw failure('OTP_EXISTS');
    if (!(channel === 'email' ? user.emailVerified : user.phoneVerified)) throw failure(unverified[channel]);
    await record(tx, userId, { type: 'otp.added', channel });
    return {};
  });
  return details;
}

async function remove(call: Call, userId: string, channel: Channel): Promise<Details> {
  const { details } = await changePerson(call, userId, { initial: true }, async (tx) => {
    if (!(await deleteFactor(tx, userId, channel))) throw failure('OTP_NOT_FOUND');
    await forgetFactor(tx, userId, { kind: 'otp', channel });
    await record(tx, userId, { type: 'otp.removed', channel });
    return {};
  });
  return details;
}

export const addOTPSMS = (call: Call, userId: string) => add(call, userId, 'sms');
export const removeOTPSMS = (call: Call, userId: string) => remove(call, userId, 'sms');
export const addOTPEmail = (call: Call, userId: string) => add(call, userId, 'email');
export const removeOTPEmail = (call: Call, userId: string) => remove(call, userId, 'email');
