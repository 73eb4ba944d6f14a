// Owns: inviting a person who cannot sign in yet. Leaves the codes to the kernel, the e-mail address that an accepted
// invitation verifies, and the password set along with it, to those features' steps.

import { refusedProof } from '../../kernel/auth/authorize.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { checkCode, createCode, isCodePending } from '../../kernel/codes/codes.ts';
import { failure } from '../../kernel/errors.ts';
import { forgiveTries } from '../../kernel/guessing.ts';
import { checkUrlTemplate } from '../../kernel/links.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { confirmEmail } from '../email/service.ts';
import { hasLink } from '../idp/linkRepository.ts';
import { findHash } from '../password/repository.ts';
import { changePassword, type PasswordInput, preparePassword } from '../password/service.ts';
import { type Details, record } from '../user/events.ts';
import { byCode, type Changed, changePerson, personOf, proveByCode, rightsFor } from '../user/person.ts';
import { lockUser } from '../user/repository.ts';
import { findInvite, hasPasskey, type Invite, writeInvite } from './repository.ts';

/** Where the code goes. What a mail does not say is taken from the invitation before. */
export type Delivery =
  | { kind: 'send'; urlTemplate?: string | undefined; applicationName?: string | undefined }
  | { kind: 'return' };

interface Invited {
  /** Only if the caller asked to see it. */
  code: string | undefined;
}

/** Whether a caller who may know all ids asks for a user that does not exist is told by this reason on all these calls. */
const unknown = 'USER_UNKNOWN';

/** INVITE_NOT_NEEDED for one who can sign in. A code made before dies. */
export function createInviteCode(call: Call, userId: string, delivery: Delivery): Promise<Changed<Invited>> {
  if (delivery.kind === 'send' && delivery.urlTemplate !== undefined) {
    checkUrlTemplate(call, delivery.urlTemplate, 'invite', 'send_code.url_template');
  }
  return changePerson(call, userId, { unknown, ...rightsFor(delivery) }, async (tx, user) => {
    await refuseWhoCanSignIn(tx, userId);
    const { urlTemplate = null, applicationName = null } = (await findInvite(tx, userId)) ?? {};
    if (delivery.kind === 'return') return invite(tx, user, { mailed: false, urlTemplate, applicationName });
    return invite(tx, user, {
      mailed: true,
      urlTemplate: delivery.urlTemplate ?? urlTemplate,
      applicationName: delivery.applicationName ?? applicationName,
    });
  });
}

/** A new code by the same mail; CODE_NOT_PENDING when none was mailed, or it was used. */
export async function resendInviteCode(call: Call, userId: string): Promise<Details> {
  const { details } = await changePerson(call, userId, { unknown }, async (tx, user) => {
    await refuseWhoCanSignIn(tx, userId);
    const before = await findInvite(tx, userId);
    if (!before?.mailed || !(await isCodePending(tx, userId, 'invite'))) throw failure('CODE_NOT_PENDING');
    return invite(tx, user, before);
  });
  return details;
}

/** Who has a password, a passkey or a link with a provider needs nobody's invitation: INVITE_NOT_NEEDED. */
async function refuseWhoCanSignIn(tx: Tx, userId: string): Promise<void> {
  const can = (await findHash(tx, userId)) !== undefined || (await hasPasskey(tx, userId)) || (await hasLink(tx.db, userId));
  if (can) throw failure('INVITE_NOT_NEEDED');
}

async function invite(tx: Tx, user: UserRow, { mailed, urlTemplate, applicationName }: Invite): Promise<Invited> {
  await writeInvite(tx, user.id, { mailed, urlTemplate, applicationName });
  const code = await createCode(tx, user.id, 'invite');
  await record(tx, user.id, { type: 'invite.code.created' });
  if (!mailed) return { code: code.code };
  await enqueue(tx, user, 'email', {
    kind: 'invite',
    ...code,
    urlTemplate: urlTemplate ?? undefined,
    applicationName: applicationName ?? tx.settings.productName,
  });
  return { code: undefined };
}

const inviteProof = (userId: string, code: string) =>
  ({ userId, purpose: 'invite', code, wrong: 'CODE_INVALID', absent: 'CODE_INVALID', unknown }) as const;

/** Whoever has the code got it at the address: that is verified with it. */
export async function verifyInviteCode(call: Call, userId: string, code: string): Promise<Details> {
  const { details } = await byCode(call, inviteProof(userId, code), async (tx, user) => {
    await confirmEmail(tx, user);
    return {};
  });
  return details;
}

/** Verifies an invitation and sets the first password, or neither: a password that the policy refuses burns no code. */
export async function acceptInvite(call: Call, userId: string, code: string, input: PasswordInput): Promise<Details> {
  const proof = inviteProof(userId, code);
  const invited = await proveByCode(call, proof);
  const prepared = await preparePassword(call, input, { policyOf: invited.organizationId, person: invited });
  return transaction(call, async (tx) => {
    const user = personOf(await lockUser(tx, userId));
    const right = user && (await checkCode(tx, userId, 'invite', code)) === 'right';
    if (!right) throw refusedProof(tx, user, proof.absent, unknown);
    await refuseWhoCanSignIn(tx, userId);
    await confirmEmail(tx, user);
    await forgiveTries(tx.db, userId, 'password');
    return changePassword(tx, { ...user, emailVerified: true }, prepared);
  });
}
