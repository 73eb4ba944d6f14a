// Owns: the password of a person, how it is stored, and what proves that someone may change it. Leaves the hash formats
// to kernel/crypto/hashes, codes to kernel/codes, the counting of tries to kernel/guessing, the rules to policy.ts.
import type { ConnectError } from '@connectrpc/connect';
import { authorize, refusedProof } from '../../kernel/auth/authorize.ts';
import { can } from '../../kernel/auth/caller.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import { makeSessionsStale } from '../../kernel/auth/sessions.ts';
import { type App, type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { checkCode, createCode, deleteCode } from '../../kernel/codes/codes.ts';
import { acceptedFormats } from '../../kernel/crypto/hashes/formats.ts';
import { hashPassword, normalisePassword, parseHash } from '../../kernel/crypto/hashes/hashes.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { forgiveTries } from '../../kernel/guessing.ts';
import { checkUrlTemplate } from '../../kernel/links.ts';
import type { Channel } from '../../kernel/outbox/message.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Details, record } from '../user/events.ts';
import { type Changed, changePerson, personOf, proveByCode, rightsFor, tellAtOnce } from '../user/person.ts';
import { findUser, lockUser } from '../user/repository.ts';
import { checkCurrent } from './check.ts';
import { type Person, refusalOf } from './policy.ts';
import { findPolicy } from './policyRepository.ts';
import { replaceHash, writeHash } from './repository.ts';

/** A password in plain, or the hash that another system made of it. */
export type PasswordInput = ({ kind: 'plain'; password: string } | { kind: 'hash'; hash: string }) & { changeRequired: boolean };

/** What shows that the password's owner asks. */
export type Proof = { kind: 'current'; password: string } | { kind: 'code'; code: string } | { kind: 'none' };

/** A password with its hash, computed before any lock is taken, or what its policy has against it, to be told in its turn. */
export type PreparedPassword = { input: PasswordInput } & ({ hash: string; refusal?: undefined } | { refusal: ConnectError });

/** Refuses a hash of no accepted format, before anything is looked up. */
export function checkFormat(input: PasswordInput, field: string): void {
  if (input.kind === 'plain' || parseHash(input.hash)) return;
  throw invalidField('PASSWORD_HASH_UNKNOWN', field, { formats: acceptedFormats });
}

/**
 * Computes what takes long: no transaction and no connection waits for it. HashingBusy when too many ask. An imported hash
 * follows no policy, its password is not known.
 */
export async function preparePassword(
  app: Pick<App, 'db'>,
  input: PasswordInput,
  { policyOf, person }: { policyOf: string; person: Person },
): Promise<PreparedPassword> {
  if (input.kind === 'hash') return { input, hash: input.hash };
  const refusal = refusalOf(await findPolicy(app, policyOf), input.password, person);
  return refusal ? { input, refusal } : { input, hash: await hashPassword(input.password) };
}

/** Throws what the policy has against a password. */
export function checkPolicy(prepared: PreparedPassword): asserts prepared is PreparedPassword & { hash: string } {
  if (prepared.refusal) throw prepared.refusal;
}

/** Stores a password for a user, new or old; in the place of `replaced` only, where that was the proof. PASSWORD_WRONG. */
export async function storePassword(tx: Tx, user: UserRow, prepared: PreparedPassword, replaced?: string): Promise<Details> {
  checkPolicy(prepared);
  const { hash, input } = prepared;
  if (replaced === undefined) await writeHash(tx, user.id, hash);
  else if (!(await replaceHash(tx, user.id, replaced, hash))) throw refusedProof(tx, user, 'PASSWORD_WRONG');
  const columns = { passwordChangeRequired: input.changeRequired, passwordChangedAt: tx.now };
  return record(tx, user.id, { type: 'password.changed' }, columns);
}

/** Another password for a user, as far as it can be prepared without a lock. */
export type PasswordChange = PreparedPassword & {
  proof: Proof;
  /** The stored hash that the current password was right for. */
  provenBy: string | undefined;
};

/**
 * Checks a proof, counted before it is looked at, and hashes the new password. CODE_ABSENT, CODE_WRONG, PASSWORD_NOT_SET,
 * PASSWORD_WRONG, PASSWORD_UNCHANGED, TRIED_TOO_OFTEN, HashingBusy; `unknown` where the caller may know that there is no
 * such user. The user may be one that the caller does not see: he is told the same then whatever is wrong. `person` is
 * who the user is after the call, if it changes that too.
 */
export async function prepareChange(
  call: Call,
  { userId, user, unknown }: { userId: string; user: UserRow | undefined; unknown?: Reason },
  input: PasswordInput,
  proof: Proof,
  person: Person | undefined = user,
): Promise<PasswordChange> {
  if (proof.kind === 'code') await proveByCode(call, { ...codeProof(userId, proof.code), ...(unknown && { unknown }) });
  const provenBy = proof.kind === 'current' ? await checkCurrent(call, { userId, user, unknown }, proof.password) : undefined;
  if (!user || !person) throw new Error(`the proof for ${userId}, whom nobody knows, was right`);
  if (
    proof.kind === 'current' &&
    input.kind === 'plain' &&
    normalisePassword(input.password) === normalisePassword(proof.password)
  )
    throw failure('PASSWORD_UNCHANGED');
  return { ...(await preparePassword(call, input, { policyOf: user.organizationId, person })), proof, provenBy };
}

const codeProof = (userId: string, code: string) =>
  ({ userId, purpose: 'password', code, wrong: 'CODE_WRONG', absent: 'CODE_ABSENT' }) as const;

/**
 * Under the lock: consumes the code that was right before. That the password is still the one that was checked is seen when
 * it is replaced.
 */
export async function checkProof(tx: Tx, user: UserRow, { proof }: PasswordChange): Promise<void> {
  switch (proof.kind) {
    case 'none':
      return forgiveTries(tx.db, user.id, 'password');
    case 'current':
      return;
    case 'code':
      if ((await checkCode(tx, user.id, 'password', proof.code)) !== 'right') throw refusedProof(tx, user, 'CODE_ABSENT');
      return forgiveTries(tx.db, user.id, 'password');
  }
}

/**
 * Gives a user another password, for every call that does: it follows the rules, ends a reset under way, and its owner is
 * told, at an address that is known to be his. Where the password before was the proof it is still that one.
 */
export async function changePassword(
  tx: Tx,
  user: UserRow,
  change: PreparedPassword & Partial<Pick<PasswordChange, 'provenBy'>>,
): Promise<Details> {
  await deleteCode(tx, user.id, 'password');
  await makeSessionsStale(tx, user.id);
  const details = await storePassword(tx, user, change, change.provenBy);
  if (user.emailVerified) await enqueue(tx, user, 'email', { kind: 'password-changed' });
  return details;
}

/** Without a proof, whoever may write users, and the user itself where it may write its credentials. */
export async function setPassword(call: Call, userId: string, input: PasswordInput, proof: Proof): Promise<Details> {
  const subject = { userId, user: personOf(await findUser(call.db, userId)), unknown: 'USER_UNKNOWN' } as const;
  if (proof.kind === 'none') await authorizeUnproven(call, subject.user);
  tellAtOnce(call, subject.user, subject.unknown);
  const change = await prepareChange(call, subject, input, proof);
  return transaction(call, async (tx) => {
    const locked = personOf(await lockUser(tx, userId));
    const user = proof.kind === 'none' ? await authorizeUnproven(tx, locked) : locked;
    if (!user || user.state === 'initial') throw refusedProof(tx, user, 'USER_INITIAL', subject.unknown);
    await checkProof(tx, user, change);
    return changePassword(tx, user, change);
  });
}

async function authorizeUnproven(call: Call, found: UserRow | undefined): Promise<UserRow> {
  const self = found !== undefined && can(call.caller, 'user.credential.write', found.organizationId);
  const user = authorize(call, found, { self, refusal: 'PASSWORD_PROOF_NEEDED', unknown: 'USER_UNKNOWN' });
  await refuseHigherRights(call, user.id);
  return user;
}

/** Where the code of a reset goes. */
export type ResetDelivery = { kind: 'send'; channel: Channel; urlTemplate?: string | undefined } | { kind: 'return' };

/** A new code for setting a password; an older one dies. Works without a password, and in any state but INITIAL. */
export function passwordReset(
  call: Call,
  userId: string,
  delivery: ResetDelivery,
): Promise<Changed<{ code: string | undefined }>> {
  if (delivery.kind === 'send' && delivery.urlTemplate !== undefined) {
    checkUrlTemplate(call, delivery.urlTemplate, 'password', 'send_link.url_template');
  }
  return changePerson(call, userId, rightsFor(delivery), async (tx, user) => {
    const code = await createCode(tx, userId, 'password');
    await record(tx, userId, { type: 'password.code.created' });
    if (delivery.kind === 'return') return { code: code.code };
    await enqueue(tx, user, delivery.channel, { kind: 'reset-password', ...code, urlTemplate: delivery.urlTemplate });
    return { code: undefined };
  });
}
