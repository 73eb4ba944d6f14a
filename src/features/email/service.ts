// Owns: the e-mail address of a person, and the proof that it is his. Leaves the rows to features/user, the codes and
// their delivery to the kernel.
import type { App, Tx, UserRow } from '../../kernel/call.ts';
import { createCode, deleteCode } from '../../kernel/codes/codes.ts';
import { invalidField } from '../../kernel/errors.ts';
import { checkUrlTemplate } from '../../kernel/links.ts';
import { textKey } from '../../kernel/names.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { record, type UserColumns } from '../user/events.ts';

/** How an address comes to be verified. */
export type Verification =
  | { kind: 'send'; urlTemplate?: string | undefined }
  | { kind: 'return' }
  | { kind: 'verified' }
  /** Unverified, and no code either: only when a user is created. */
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
 * The form of an address is a rule of the protos as well: ASCII, a host, no quotes.
 */
export function checkEmail(app: App, { address, verification }: EmailInput, field: string): void {
  const urlTemplate = verification.kind === 'send' ? verification.urlTemplate : undefined;
  if (urlTemplate !== undefined) checkUrlTemplate(app, urlTemplate, 'email', `${field}.send_code.url_template`);
  const at = address.lastIndexOf('@');
  const sound = /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(address);
  if (!sound || at > maximumLocal || address.length > maximumAddress) throw invalidField('EMAIL_INVALID', `${field}.email`);
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
  await record(tx, user.id, { type: 'email.changed' }, { ...emailColumns(input), emailVerified: false });
  if (verified) await confirmEmail(tx, user);
  return issueEmailCode(tx, { ...user, email: address }, verification);
}

async function confirmEmail(tx: Tx, user: UserRow): Promise<void> {
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

/** A verification that proves nothing about who holds the address is not for the user itself (CVE-2026-27946). */
export const provesNothing = (verification: Verification | undefined): boolean =>
  verification?.kind === 'verified' || verification?.kind === 'return';
