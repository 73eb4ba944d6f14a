// Owns: the phone number of a person, and the proof that it is his. Leaves the rows to features/user, the codes and
// their delivery to the kernel.
import parsePhoneNumber from 'libphonenumber-js/max';
import type { App, Tx, UserRow } from '../../kernel/call.ts';
import { createCode, deleteCode } from '../../kernel/codes/codes.ts';
import { invalidField } from '../../kernel/errors.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { record, type UserColumns } from '../user/events.ts';

/** How a number comes to be verified. */
export type Verification = { kind: 'send' } | { kind: 'return' } | { kind: 'verified' };

export interface PhoneInput {
  /** As typed from the caller, E.164 after `normalisePhone`. */
  number: string;
  verification: Verification;
}

/**
 * The number as E.164; one without a country code counts as one of the configured region. PHONE_INVALID for what no
 * number of its country can look like; whether that very number was given out is for the code to show.
 */
export function normalisePhone({ settings }: App, input: PhoneInput, field: string): PhoneInput {
  const parsed = parsePhoneNumber(input.number, { defaultCountry: settings.phoneRegion, extract: false });
  if (!parsed?.isPossible() || parsed.ext) throw invalidField('PHONE_INVALID', `${field}.phone`);
  return { ...input, number: parsed.number };
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
  await record(tx, user.id, { type: 'phone.changed' }, { phone: number, phoneVerified: false });
  if (verified) await confirmPhone(tx, user);
  return issuePhoneCode(tx, { ...user, phone: number }, verification);
}

async function confirmPhone(tx: Tx, user: UserRow): Promise<void> {
  await deleteCode(tx, user.id, 'phone');
  await record(tx, user.id, { type: 'phone.verified' }, { phoneVerified: true });
}

/** Takes a user's number away; none there is no change. */
export async function removePhone(tx: Tx, user: UserRow): Promise<void> {
  if (user.phone === '') return;
  await deleteCode(tx, user.id, 'phone');
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
