// Owns: the phone number of a person, and the proof that it is his. Leaves the rows to features/user, the codes and
// their delivery to the kernel.
import { forgetFactor, killSessionCodes } from '../../kernel/auth/sessions.ts';
import type { App, Call, Tx, UserRow } from '../../kernel/call.ts';
import { createCode, deleteCode, isCodePending, killCodes } from '../../kernel/codes/codes.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { phoneNumbers } from '../../kernel/phoneNumbers.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Details, record, type UserColumns } from '../user/events.ts';
import { byCode, type Changed, changePerson, rightsFor } from '../user/person.ts';
import { deleteSmsFactor } from './repository.ts';

/** Where a code goes. */
export type Delivery = { kind: 'send' } | { kind: 'return' };

/** How a number comes to be verified. */
export type Verification = Delivery | { kind: 'verified' };

export interface PhoneInput {
  /** As typed from the caller, E.164 after `normalisePhone`. */
  number: string;
  verification: Verification;
}

/**
 * The number as E.164; one without a country code counts as one of the configured region. PHONE_INVALID for what no
 * number of its country can look like; whether that very number was given out is for the code to show. `path` is where
 * the field stands in the request: empty, or ending in a dot.
 */
export function normalisePhone({ settings }: App, input: PhoneInput, path: string): PhoneInput {
  const parsed = phoneNumbers().parsePhoneNumberFromString(input.number, {
    defaultCountry: settings.phoneRegion,
    extract: false,
  });
  if (!parsed?.isPossible() || parsed.ext) throw invalidField('PHONE_INVALID', `${path}phone`);
  return { ...input, number: parsed.number };
}

export interface CodeIssued {
  /** Only if the caller asked to see it. */
  code: string | undefined;
}

/**
 * PHONE_UNCHANGED for the number that the user has, whatever is asked for it; `confirms` lets it become verified, if it is
 * not yet. `initial`: of an INITIAL user as well.
 */
export function setPhone(
  call: Call,
  userId: string,
  typed: PhoneInput,
  { confirms = false, initial = false } = {},
): Promise<Changed<CodeIssued>> {
  const input = normalisePhone(call, typed, '');
  return changePerson(call, userId, { ...rightsFor(input.verification), initial }, async (tx, user) => {
    const confirmed = confirms && input.verification.kind === 'verified' && !user.phoneVerified;
    if (user.phone === input.number && !confirmed) throw failure('PHONE_UNCHANGED');
    return { code: await changePhone(tx, user, input) };
  });
}

/** A new code in place of one that nobody has used yet; CODE_NOT_PENDING without one. */
export function resendPhoneCode(call: Call, userId: string, delivery: Delivery): Promise<Changed<CodeIssued>> {
  return changePerson(call, userId, rightsFor(delivery), async (tx, user) => {
    if (!(await isCodePending(tx, userId, 'phone'))) throw failure('CODE_NOT_PENDING');
    return { code: await issuePhoneCode(tx, user, delivery) };
  });
}

/** A new code by SMS, whether there was one or not, of an INITIAL user as well: PHONE_NOT_FOUND, PHONE_VERIFIED. */
export async function sendPhoneCode(call: Call, userId: string): Promise<Details> {
  const { details } = await changePerson(call, userId, { initial: true }, async (tx, user) => {
    if (user.phone === '') throw failure('PHONE_NOT_FOUND');
    if (user.phoneVerified) throw failure('PHONE_VERIFIED');
    await issuePhoneCode(tx, user, { kind: 'send' });
    return {};
  });
  return details;
}

/** Whoever has the code may verify, whatever he may else. */
export async function verifyPhone(call: Call, userId: string, code: string): Promise<Details> {
  const proof = { userId, purpose: 'phone', code, wrong: 'CODE_INVALID', absent: 'CODE_INVALID' } as const;
  const { details } = await byCode(call, proof, async (tx, user) => {
    await confirmPhone(tx, user);
    return {};
  });
  return details;
}

/** `absent` is told when there is none. `initial`: of an INITIAL user as well. */
export async function removePhone(
  call: Call,
  userId: string,
  { absent = 'PHONE_ABSENT', initial = false }: { absent?: Reason; initial?: boolean } = {},
): Promise<Details> {
  const { details } = await changePerson(call, userId, { initial }, async (tx, user) => {
    if (user.phone === '') throw failure(absent);
    await clearPhone(tx, user);
    return {};
  });
  return details;
}

/** The columns of a new user. */
export const phoneColumns = ({ number, verification }: PhoneInput): UserColumns => ({
  phone: number,
  phoneVerified: verification.kind === 'verified',
});

/** Gives a user a number; the counterpart of `changeEmail`. */
export async function changePhone(tx: Tx, user: UserRow, input: PhoneInput): Promise<string | undefined> {
  const { number, verification } = input;
  const verified = verification.kind === 'verified';
  if (number === user.phone) {
    if (verified && !user.phoneVerified) await confirmPhone(tx, user);
    return undefined;
  }
  await deleteCode(tx, user.id, 'phone');
  await killCodes(tx, user.id, ['password']);
  await killSessionCodes(tx, user.id, 'sms');
  await record(tx, user.id, { type: 'phone.changed' }, { phone: number, phoneVerified: false });
  if (verified) await confirmPhone(tx, user);
  return issuePhoneCode(tx, { ...user, phone: number }, verification);
}

async function confirmPhone(tx: Tx, user: UserRow): Promise<void> {
  await deleteCode(tx, user.id, 'phone');
  await record(tx, user.id, { type: 'phone.verified' }, { phoneVerified: true });
}

/** Takes a user's number away; none there is no change. */
export async function clearPhone(tx: Tx, user: UserRow): Promise<void> {
  if (user.phone === '') return;
  await deleteCode(tx, user.id, 'phone');
  // What went to the number goes nowhere any more.
  if (await deleteSmsFactor(tx, user.id)) await forgetFactor(tx, user.id, { kind: 'otp', channel: 'sms' });
  await killCodes(tx, user.id, ['password']);
  await record(tx, user.id, { type: 'phone.removed' }, { phone: '', phoneVerified: false });
}

/** Makes the code that a verification asks for, and sends it or returns it. */
export async function issuePhoneCode(tx: Tx, user: UserRow, verification: Verification): Promise<string | undefined> {
  if (verification.kind === 'verified') return undefined;
  const code = await createCode(tx, user.id, 'phone');
  await record(tx, user.id, { type: 'phone.code.created' });
  if (verification.kind === 'return') return code.code;
  await enqueue(tx, user, 'sms', { kind: 'verify-phone', ...code });
  return undefined;
}
