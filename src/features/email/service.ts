// Owns: the e-mail address of a person, and the proof that it is his. Leaves the rows to features/user, the codes and
// their delivery to the kernel.
import { killSessionCodes } from '../../kernel/auth/sessions.ts';
import type { App, Call, Tx, UserRow } from '../../kernel/call.ts';
import { createCode, deleteCode, isCodePending, killCodes } from '../../kernel/codes/codes.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { checkUrlTemplate } from '../../kernel/links.ts';
import { textKey } from '../../kernel/names.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { type Details, record, type UserColumns } from '../user/events.ts';
import { byCode, type Changed, changePerson, rightsFor } from '../user/person.ts';

/** Where a code goes. */
export type Delivery = { kind: 'send'; urlTemplate?: string | undefined } | { kind: 'return' };

/** How an address comes to be verified. */
export type Verification =
  | Delivery
  | { kind: 'verified' }
  /** Unverified, and no code either: when a user is created, and for one who is sent the code that initialises him. */
  | { kind: 'none' };

export interface EmailInput {
  address: string;
  verification: Verification;
}

/** RFC 5321, 4.5.3.1: octets of the part before the "@", and of the whole that fits a path. */
const maximumLocal = 64;
const maximumAddress = 254;

/**
 * Refuses a link that may not be sent (URL_TEMPLATE_INVALID) and an address that could not be sent to (EMAIL_INVALID).
 * The form of an address is a rule of the protos as well: ASCII, a host, no quotes. `path` is where the fields stand in
 * the request: empty, or ending in a dot.
 */
export function checkEmail(app: App, { address, verification }: EmailInput, path: string): void {
  checkLink(app, verification, path);
  const at = address.lastIndexOf('@');
  const sound = /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(address);
  if (!sound || at > maximumLocal || address.length > maximumAddress) throw invalidField('EMAIL_INVALID', `${path}email`);
}

function checkLink(app: App, verification: Verification, path: string): void {
  const urlTemplate = verification.kind === 'send' ? verification.urlTemplate : undefined;
  if (urlTemplate !== undefined) checkUrlTemplate(app, urlTemplate, 'email', `${path}send_code.url_template`);
}

export interface CodeIssued {
  /** Only if the caller asked to see it. */
  code: string | undefined;
}

/**
 * EMAIL_UNCHANGED for the address that the user has, whatever is asked for it; `confirms` lets it become verified, if it is
 * not yet.
 */
export function setEmail(call: Call, userId: string, input: EmailInput, { confirms = false } = {}): Promise<Changed<CodeIssued>> {
  checkEmail(call, input, '');
  return changePerson(call, userId, rightsFor(input.verification), async (tx, user) => {
    const confirmed = confirms && input.verification.kind === 'verified' && !user.emailVerified;
    if (user.email === input.address && !confirmed) throw failure('EMAIL_UNCHANGED');
    return { code: await changeEmail(tx, user, input) };
  });
}

/** A new code in place of one that nobody has used yet; CODE_NOT_PENDING without one. */
export function resendEmailCode(call: Call, userId: string, delivery: Delivery): Promise<Changed<CodeIssued>> {
  return issueCode(call, userId, delivery, async (tx) => {
    if (!(await isCodePending(tx, userId, 'email'))) throw failure('CODE_NOT_PENDING');
  });
}

/**
 * A new code, whether there was one or not. A verified address stays verified; EMAIL_VERIFIED for it with
 * `onlyUnverified`.
 */
export function sendEmailCode(
  call: Call,
  userId: string,
  delivery: Delivery,
  { onlyUnverified = false } = {},
): Promise<Changed<CodeIssued>> {
  return issueCode(call, userId, delivery, async (_, user) => {
    if (onlyUnverified && user.emailVerified) throw failure('EMAIL_VERIFIED');
  });
}

function issueCode(
  call: Call,
  userId: string,
  delivery: Delivery,
  check: (tx: Tx, user: UserRow) => Promise<void>,
): Promise<Changed<CodeIssued>> {
  checkLink(call, delivery, '');
  return changePerson(call, userId, rightsFor(delivery), async (tx, user) => {
    await check(tx, user);
    return { code: await issueEmailCode(tx, user, delivery) };
  });
}

/** Whoever has the code may verify, whatever he may else. A pending invitation has served its purpose then. */
export async function verifyEmail(call: Call, userId: string, code: string): Promise<Details> {
  const proof = { userId, purpose: 'email', code, wrong: 'CODE_INVALID', absent: 'CODE_INVALID' } as const;
  const { details } = await byCode(call, proof, async (tx, user) => {
    await confirmEmail(tx, user);
    await deleteCode(tx, userId, 'invite');
    return {};
  });
  return details;
}

/** The columns of a new user. */
export const emailColumns = ({ address, verification }: EmailInput): UserColumns => ({
  email: address,
  emailKey: textKey(address),
  emailVerified: verification.kind === 'verified',
});

/**
 * Gives a user an address, for every call that does. The same address changes nothing, but that it can become verified.
 * Returns the code that the caller asked to see.
 */
export async function changeEmail(tx: Tx, user: UserRow, input: EmailInput): Promise<string | undefined> {
  const { address, verification } = input;
  const verified = verification.kind === 'verified';
  if (address === user.email) {
    if (verified && !user.emailVerified) await confirmEmail(tx, user);
    return undefined;
  }
  await deleteCode(tx, user.id, 'email');
  // Who reads at the old address must neither take the account over nor prove that the new one is his.
  await killCodes(tx, user.id, ['invite', 'init', 'password', 'passkey']);
  await killSessionCodes(tx, user.id, 'email');
  await record(tx, user.id, { type: 'email.changed' }, { ...emailColumns(input), emailVerified: false });
  if (verified) await confirmEmail(tx, user);
  return issueEmailCode(tx, { ...user, email: address }, verification);
}

/** The address is its user's: no code for it is needed any more. */
export async function confirmEmail(tx: Tx, user: UserRow): Promise<void> {
  await deleteCode(tx, user.id, 'email');
  await record(tx, user.id, { type: 'email.verified' }, { emailVerified: true });
}

/** Makes the code that a verification asks for, and sends it or returns it. */
export async function issueEmailCode(tx: Tx, user: UserRow, verification: Verification): Promise<string | undefined> {
  if (verification.kind === 'verified' || verification.kind === 'none') return undefined;
  const code = await createCode(tx, user.id, 'email');
  await record(tx, user.id, { type: 'email.code.created' });
  if (verification.kind === 'return') return code.code;
  await enqueue(tx, user, 'email', { kind: 'verify-email', ...code, urlTemplate: verification.urlTemplate });
  return undefined;
}
