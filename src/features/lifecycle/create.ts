// Owns: the birth of a user. Leaves what a user is made of (address, password, factors, metadata) to those features' steps.
import { can, canEverywhere } from '../../kernel/auth/caller.ts';
import { organizationExists } from '../../kernel/auth/organizations.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { checkEmail, type EmailInput, emailColumns, issueEmailCode } from '../email/service.ts';
import { type Account, link, requireProvider } from '../idp/links.ts';
import { checkEntries, type MetadataEntry, writeEntries } from '../metadata/service.ts';
import { issueLinkCode } from '../passkey/service.ts';
import type { Person } from '../password/policy.ts';
import { instance } from '../password/policyRepository.ts';
import {
  checkFormat,
  checkPolicy,
  type PasswordInput,
  type PreparedPassword,
  preparePassword,
  storePassword,
} from '../password/service.ts';
import { issuePhoneCode, normalisePhone, type PhoneInput, phoneColumns } from '../phone/service.ts';
import { checkSecret, importTotp } from '../totp/service.ts';
import { type Details, detailsOf, recordCreation, type UserColumns } from '../user/events.ts';
import type { LinkCode } from '../user/registrationLink.ts';
import { findUser } from '../user/repository.ts';
import { issueInitCode } from './initial.ts';
import { languageOf } from './language.ts';
import { type FieldNames, type ProfileInput, profileColumns, trimNames, usualNames } from './names.ts';
import { findIdOwner, forgetDeleted, keepOrganization, lockId, refuseTaken } from './repository.ts';
import { refuseClaimedDomain, refuseEmailOfAnother, trimUsername } from './usernames.ts';

export interface NewHuman {
  type: 'human';
  /** Path of its fields in the request, for errors: empty, or ending in a dot. */
  path: string;
  profile: ProfileInput;
  email: EmailInput;
  phone?: PhoneInput | undefined;
  password?: PasswordInput | undefined;
  links: readonly Account[];
  totpSecret?: string | undefined;
  /** Whether one who could not sign in yet, or whose address is not verified, begins INITIAL; else everybody is ACTIVE. */
  initialUntilReady?: boolean;
  /** Whether a link to register a passkey is made along with him, whose code is returned. */
  passkeyLink?: boolean;
}

export interface NewMachine {
  type: 'machine';
  name: string;
  description: string;
  accessTokenType: UserRow['accessTokenType'];
}

export interface NewUser {
  userId?: string | undefined;
  username?: string | undefined;
  metadata: readonly MetadataEntry[];
  details: NewHuman | NewMachine;
  names?: FieldNames;
}

export interface Created {
  userId: string;
  details: Details;
  emailCode?: string | undefined;
  phoneCode?: string | undefined;
  passkeyCode?: LinkCode | undefined;
}

export async function createUser(call: Call, organizationId: string, input: NewUser): Promise<Created> {
  const user = checkNewUser(call, input);
  await authorizeCreation(call, organizationId);
  const password = await prepareSecret(call, user);
  return transaction(call, (tx) => addUser(tx, organizationId, user, password));
}

export async function addHumanUser(call: Call, input: NewUser & { details: NewHuman }): Promise<Created> {
  const user = checkNewUser(call, input);
  const password = await prepareSecret(call, user);
  return transaction(call, (tx) => addUser(tx, call.organizationId, user, password));
}

export async function addMachineUser(call: Call, input: NewUser & { details: NewMachine }): Promise<Created> {
  const user = checkNewUser(call, input);
  return transaction(call, (tx) => addUser(tx, call.organizationId, user, undefined));
}

/**
 * What of a new user takes long to compute: before the transaction. The caller may create him. His password follows the
 * instance's policy, unless told whose.
 */
export async function prepareSecret(
  call: Call,
  { username, details }: NewUser,
  policyOf: string = instance,
): Promise<PreparedPassword | undefined> {
  if (details.type === 'machine' || !details.password) return undefined;
  return preparePassword(call, details.password, { policyOf, person: namesOf(username, details) });
}

/** What a new person's password may not hold. */
export function namesOf(username: string | undefined, { email: { address }, profile }: NewHuman): Person {
  const { givenName, familyName, nickName = '', displayName = '' } = profile;
  return { username: username ?? address, email: address, givenName, familyName, nickName, displayName };
}

async function authorizeCreation(call: Call, organizationId: string): Promise<void> {
  const { caller, db } = call;
  if (can(caller, 'user.write', organizationId)) return;
  if (!can(caller, 'user.read', organizationId)) throw failure('ORGANIZATION_NOT_FOUND');
  throw failure((await organizationExists(db, organizationId)) ? 'PERMISSION_DENIED' : goneReason(call));
}

/** What can be said against a new user without looking anything up. Returns it with its texts in their stored form. */
export function checkNewUser(call: Call, input: NewUser): NewUser {
  const { details, names = usualNames } = input;
  if (details.type === 'human') checkEmail(call, details.email, `${details.path}email.`);
  const username = input.username === undefined ? undefined : trimUsername(input.username, names.username);
  const stored = details.type === 'human' ? storedForm(call, details, names) : details;
  checkEntries(input.metadata);
  if (details.type === 'human') checkSecrets(details, names);
  return { ...input, username, details: stored };
}

function storedForm(call: Call, human: NewHuman, names: FieldNames): NewHuman {
  const { path, phone } = human;
  const profile = trimNames(human.profile, path, names);
  // An empty number is no number.
  return { ...human, profile, phone: phone && phone.number !== '' ? normalisePhone(call, phone, `${path}phone.`) : undefined };
}

function checkSecrets({ path, password, totpSecret }: NewHuman, { hash }: FieldNames): void {
  if (password) checkFormat(password, `${path}${hash}`);
  if (totpSecret !== undefined) checkSecret(totpSecret, `${path}totp_secret`);
}

/** The step: for every call that makes a user. `checkNewUser` has passed, the caller may. */
export async function addUser(
  tx: Tx,
  organizationId: string,
  { userId, username, metadata, details, names }: NewUser,
  password: PreparedPassword | undefined,
): Promise<Created> {
  const id = userId ?? tx.ids.next();
  const name = username ?? defaultUsername(details, id);
  // Asked at once, told in this order.
  const [kept, unclaimed, unused] = await Promise.allSettled([
    keepOrganization(tx, organizationId),
    refuseClaimedDomain(tx, name, organizationId, names?.username),
    refuseEmailOfAnother(tx, name, organizationId, id),
  ]);
  if (!outcomeOf(kept)) throw failure(goneReason(tx));
  const sequence = userId === undefined ? 1n : await firstSequenceOf(tx, userId, organizationId);
  outcomeOf(unclaimed);
  if (details.type === 'human') {
    if (password) checkPolicy(password);
    for (const { providerId } of details.links) await requireProvider(tx, organizationId, providerId);
  }
  outcomeOf(unused);
  const row = { id, organizationId, state: firstStateOf(details), sequence, createdAt: tx.now, changedAt: tx.now };
  const named = { ...row, username: name, usernameKey: textKey(name), type: details.type };
  const user = await refuseTaken(() => recordCreation(tx, { ...named, ...columnsOf(details) }));
  await writeEntries(tx, id, metadata);
  const codes = details.type === 'human' ? await addHumanParts(tx, user, details, password) : {};
  const now = metadata.length === 0 && isBare(details, user) ? user : await findUser(tx.db, id);
  return { userId: id, details: detailsOf(now ?? user), ...codes };
}

function outcomeOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

/** Whether nothing of a new user can have been recorded after the creation. */
function isBare(details: NewHuman | NewMachine, { state }: UserRow): boolean {
  if (details.type === 'machine') return true;
  const { email, phone, password, totpSecret, links, passkeyLink } = details;
  const parts = [phone, password, totpSecret, passkeyLink || undefined, links[0]];
  return state === 'active' && email.verification.kind === 'verified' && parts.every((part) => part === undefined);
}

/** Who can sign in, and whose address is his, has nothing to be initialised; a provider answers for both. */
function firstStateOf(details: NewHuman | NewMachine): 'active' | 'initial' {
  if (details.type === 'machine' || !details.initialUntilReady || details.links.length > 0) return 'active';
  const proves = details.password !== undefined || details.passkeyLink === true;
  return proves && details.email.verification.kind === 'verified' ? 'active' : 'initial';
}

/** A person is called by his address, a machine by its id. */
export const defaultUsername = (details: NewHuman | NewMachine, id: string): string =>
  details.type === 'human' ? details.email.address : id;

export const goneReason = ({ caller }: Call): Reason =>
  canEverywhere(caller, 'user.read') ? 'ORGANIZATION_GONE' : 'ORGANIZATION_NOT_FOUND';

/** USER_ID_TAKEN unless the id is free, or was a deleted user's of this very organization, whose sequence goes on. */
async function firstSequenceOf(tx: Tx, id: string, organizationId: string): Promise<bigint> {
  await lockId(tx, id);
  const owner = await findIdOwner(tx, id);
  if (!owner) return 1n;
  if (!owner.deleted || owner.organizationId !== organizationId) throw failure('USER_ID_TAKEN');
  await forgetDeleted(tx, id);
  return owner.sequence + 1n;
}

/** What the row of a new user says of him, beside his id, his name and his state. */
export function columnsOf(details: NewHuman | NewMachine): UserColumns {
  if (details.type === 'machine') {
    const { name, description, accessTokenType } = details;
    return { name, description, accessTokenType };
  }
  const { profile, email, phone } = details;
  const { givenName, familyName, nickName = '', gender = 'unspecified' } = profile;
  const displayName = profile.displayName || `${givenName} ${familyName}`;
  return {
    ...profileColumns({ givenName, familyName, nickName, displayName }),
    preferredLanguage: languageOf(profile.preferredLanguage ?? ''),
    gender,
    ...emailColumns(email),
    ...(phone && phoneColumns(phone)),
  };
}

async function addHumanParts(
  tx: Tx,
  user: UserRow,
  { email, phone, totpSecret, links, passkeyLink }: NewHuman,
  password: PreparedPassword | undefined,
) {
  if (password) await storePassword(tx, user, password);
  if (totpSecret !== undefined) await importTotp(tx, user.id, totpSecret);
  for (const account of links) await link(tx, user, account);
  if (user.state === 'initial') await issueInitCode(tx, user);
  const emailCode = user.state === 'initial' ? undefined : await issueEmailCode(tx, user, email.verification);
  const phoneCode = phone && (await issuePhoneCode(tx, user, phone.verification));
  const passkeyCode = passkeyLink ? await issueLinkCode(tx, user, { kind: 'return' }) : undefined;
  return { emailCode, phoneCode, passkeyCode };
}
