// Owns: the WebAuthn credentials of a person: passkeys, which sign in alone, and U2F keys, which sign in beside another
// factor. Leaves the signatures to @simplewebauthn/server, the codes of links to the kernel, signing in to features/session.
import { authorizeList } from '../../kernel/auth/authorize.ts';
import { forgetFactor } from '../../kernel/auth/sessions.ts';
import type { Call, Tx, UserRow } from '../../kernel/call.ts';
import { createCode } from '../../kernel/codes/codes.ts';
import { failure } from '../../kernel/errors.ts';
import { checkUrlTemplate } from '../../kernel/links.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { type Details, record } from '../user/events.ts';
import { byCode, type Changed, changePerson, personOf, rightsFor } from '../user/person.ts';
import { type LinkCode, linkProof } from '../user/registrationLink.ts';
import { findUser } from '../user/repository.ts';
import { type Begun, begin, finish } from './register.ts';
import type { Attachment } from './registration.ts';
import { relyingPartyOf } from './relyingParty.ts';
import { type CredentialRow, deleteCredential, deleteRegistration, type Kind, listOfKind } from './repository.ts';

interface Beginning {
  /** The relying party's; empty: the public URL's host. */
  domain: string;
  attachment?: Attachment;
  code?: LinkCode | undefined;
}

/** A code is used up with a registration that begins. RELYING_PARTY_INVALID, CODE_INVALID. */
export async function registerPasskey(
  call: Call,
  userId: string,
  { domain, attachment, code }: Beginning,
): Promise<Changed<Begun>> {
  const rpId = await relyingPartyOf(call, domain);
  if (!code) return changePerson(call, userId, {}, (tx, user) => begin(tx, user, 'passkey', rpId, attachment));
  return byCode(call, linkProof(userId, code), (tx, user) => begin(tx, user, 'passkey', rpId, attachment));
}

export interface Registered {
  id: string;
  credential: Parameters<typeof finish>[2]['credential'];
  name: string;
}

/** The challenge that the answer signs is the proof. See `finish` for what can be wrong with it. */
export const verifyPasskeyRegistration = (call: Call, userId: string, registered: Registered): Promise<Details> =>
  finish(call, userId, { kind: 'passkey', ...registered });

/** Where the code goes. */
export type LinkDelivery = { kind: 'send'; urlTemplate?: string | undefined } | { kind: 'return' };

/** A code that stands for one registration, whoever brings it; an older one dies. It works once the user is active. */
export function createPasskeyRegistrationLink(
  call: Call,
  userId: string,
  delivery: LinkDelivery,
): Promise<Changed<{ code: LinkCode | undefined }>> {
  if (delivery.kind === 'send' && delivery.urlTemplate !== undefined) {
    checkUrlTemplate(call, delivery.urlTemplate, 'passkey', 'send_link.url_template');
  }
  return changePerson(call, userId, { ...rightsFor(delivery), initial: true }, async (tx, user) => ({
    code: await issueLinkCode(tx, user, delivery),
  }));
}

/** The step of `createPasskeyRegistrationLink`, for whoever makes users as well. Returns the code that the caller asked to see. */
export async function issueLinkCode(tx: Tx, user: UserRow, delivery: LinkDelivery): Promise<LinkCode | undefined> {
  const id = tx.ids.next();
  const { code, expiresAt } = await createCode(tx, user.id, 'passkey', id);
  await record(tx, user.id, { type: 'passkey.code.created' });
  if (delivery.kind === 'return') return { id, code };
  const { urlTemplate } = delivery;
  await enqueue(tx, user, 'email', { kind: 'passkey-link', codeId: id, code, expiresAt, urlTemplate });
  return undefined;
}

/** Those that can be used, newest first. */
export async function listPasskeys(call: Call, userId: string): Promise<CredentialRow[]> {
  if (!authorizeList(call, personOf(await findUser(call.db, userId)))) return [];
  return listOfKind(call.db, userId, 'passkey');
}

/** One that waits for its answer as well. */
async function remove(call: Call, userId: string, kind: Kind, id: string): Promise<Details> {
  const { details } = await changePerson(call, userId, { initial: true }, async (tx) => {
    const removed = (await deleteCredential(tx, userId, kind, id)) || (await deleteRegistration(tx, userId, kind, id));
    if (!removed) throw failure(kind === 'passkey' ? 'PASSKEY_NOT_FOUND' : 'U2F_NOT_FOUND');
    await forgetFactor(tx, userId, { kind: 'webauthn', credentialId: id });
    await record(tx, userId, { type: `${kind}.removed`, credential: id });
    return {};
  });
  return details;
}

export const removePasskey = (call: Call, userId: string, id: string) => remove(call, userId, 'passkey', id);

export async function registerU2F(call: Call, userId: string, domain: string): Promise<Changed<Begun>> {
  const rpId = await relyingPartyOf(call, domain);
  return changePerson(call, userId, {}, (tx, user) => begin(tx, user, 'u2f', rpId));
}

/** As `verifyPasskeyRegistration`. */
export const verifyU2FRegistration = (call: Call, userId: string, registered: Registered): Promise<Details> =>
  finish(call, userId, { kind: 'u2f', ...registered });

export const removeU2F = (call: Call, userId: string, id: string) => remove(call, userId, 'u2f', id);
