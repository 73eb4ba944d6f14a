// Owns: changing several things of a user in one call, all or nothing. Leaves each of them to its feature's step.
import { authorize } from '../../kernel/auth/authorize.ts';
import { can } from '../../kernel/auth/caller.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import { changeEmail, checkEmail, type EmailInput } from '../email/service.ts';
import { type MetadataEntry, writeEntries } from '../metadata/service.ts';
import type { Person } from '../password/policy.ts';
import {
  changePassword,
  checkFormat,
  checkProof,
  type PasswordChange,
  type PasswordInput,
  type Proof,
  prepareChange,
} from '../password/service.ts';
import { changePhone, clearPhone, normalisePhone, type PhoneInput } from '../phone/service.ts';
import { type Details, detailsOf, record, type UserColumns } from '../user/events.ts';
import { provesNothing } from '../user/person.ts';
import { findUser, lockUser } from '../user/repository.ts';
import { languageOf } from './language.ts';
import { type ProfileChanges, profileColumns, trimNames } from './names.ts';
import { refuseTaken } from './repository.ts';
import { refuseClaimedDomain, refuseEmailOfAnother, trimUsername } from './usernames.ts';

export interface HumanChanges {
  type: 'human';
  /** Path of its fields in the request, for errors: empty, or ending in a dot. */
  path: string;
  profile?: ProfileChanges | undefined;
  email?: EmailInput | undefined;
  phone?: PhoneInput | 'removed' | undefined;
  password?: { input: PasswordInput; proof: Proof } | undefined;
}

export interface MachineChanges {
  type: 'machine';
  name?: string | undefined;
  description?: string | undefined;
  accessTokenType?: UserRow['accessTokenType'] | undefined;
}

export interface UserChanges {
  username?: string | undefined;
  metadata: readonly MetadataEntry[];
  of: HumanChanges | MachineChanges;
}

export interface Updated {
  details: Details;
  emailCode?: string | undefined;
  phoneCode?: string | undefined;
}

export async function updateUser(call: Call, userId: string, input: UserChanges): Promise<Updated> {
  const changes = checkChanges(call, input);
  const password = await preparePasswordChange(call, userId, changes);
  return transaction(call, async (tx) => {
    const user = authorizeChanges(tx, await lockUser(tx, userId), changes);
    await refuseCredentialsOfHigher(tx, user, changes);
    if (password) await checkProof(tx, user, password);
    return applyChanges(tx, user, changes, password);
  });
}

/** What takes long, before the lock: for those only who may change the password then. */
async function preparePasswordChange(call: Call, userId: string, changes: UserChanges): Promise<PasswordChange | undefined> {
  const { of } = changes;
  if (of.type === 'machine' || !of.password) return undefined;
  const user = authorizeChanges(call, await findUser(call.db, userId), changes);
  await refuseCredentialsOfHigher(call, user, changes);
  if (user.state === 'initial') throw failure('USER_INITIAL');
  const { input, proof } = of.password;
  return prepareChange(call, { userId, user }, input, proof, personAfter(user, changes.username, of));
}

/** The names and the address that a user has after the changes: a new password must hold none of these. */
function personAfter(user: UserRow, username: string | undefined, { profile, email }: HumanChanges): Person {
  const { givenName, familyName, nickName, displayName } = profile ?? {};
  return {
    username: username ?? user.username,
    email: email?.address ?? user.email,
    givenName: givenName ?? user.givenName,
    familyName: familyName ?? user.familyName,
    nickName: nickName ?? user.nickName,
    displayName: displayName || user.displayName,
  };
}

/** What can be said against the changes without looking anything up. Returns them with their texts in their stored form. */
function checkChanges(call: Call, changes: UserChanges): UserChanges {
  const username = changes.username === undefined ? undefined : trimUsername(changes.username);
  const { of } = changes;
  if (of.type === 'machine') return { ...changes, username };
  const { path, email, profile, password } = of;
  if (email) checkEmail(call, email, `${path}email.`);
  const phone = of.phone && of.phone !== 'removed' ? normalisePhone(call, of.phone, `${path}phone.`) : of.phone;
  if (password) checkFormat(password.input, `${path}password.hashed_password.hash`);
  return { ...changes, username, of: { ...of, phone, profile: profile && trimNames(profile, path) } };
}

function authorizeChanges(tx: Call, found: UserRow | undefined, changes: UserChanges): UserRow {
  const { of, metadata } = changes;
  // A machine addressed as a human is no human of that id, and the reverse.
  const user = found?.type === of.type ? found : undefined;
  if (asksNothing(changes)) return authorize({ ...tx, access: { on: 'user', permission: 'user.read', self: true } }, user);
  if (of.type === 'machine') return authorize(tx, user, { self: metadata.length === 0 });
  const phone = of.phone === 'removed' ? undefined : of.phone?.verification;
  if (provesNothing(of.email?.verification) || provesNothing(phone)) {
    return authorize(tx, user, { self: false, refusal: 'VERIFICATION_NOT_OWN' });
  }
  const unproven = of.password?.proof.kind === 'none';
  const mayWithout = user !== undefined && can(tx.caller, 'user.credential.write', user.organizationId);
  if (unproven && !mayWithout) return authorize(tx, user, { self: false, refusal: 'PASSWORD_PROOF_NEEDED' });
  return authorize(tx, user, { self: metadata.length === 0 });
}

function asksNothing({ username, metadata, of }: UserChanges): boolean {
  const parts =
    of.type === 'human' ? [of.profile, of.email, of.phone, of.password] : [of.name, of.description, of.accessTokenType];
  return username === undefined && metadata.length === 0 && parts.every((part) => part === undefined);
}

async function refuseCredentialsOfHigher(tx: Call, user: UserRow, { of }: UserChanges): Promise<void> {
  if (of.type === 'human' && (of.email || of.phone || of.password)) await refuseHigherRights(tx, user.id);
}

async function applyChanges(
  tx: Tx,
  user: UserRow,
  { username, metadata, of }: UserChanges,
  password: PasswordChange | undefined,
): Promise<Updated> {
  if (username !== undefined && username !== user.username) await rename(tx, user, username);
  const codes = of.type === 'human' ? await changeHuman(tx, user, of, password) : await changeMachine(tx, user, of);
  if (metadata.length > 0) await writeEntries(tx, user.id, metadata);
  const now = await findUser(tx.db, user.id);
  return { details: detailsOf(now ?? user), ...codes };
}

async function rename(tx: Tx, user: UserRow, username: string): Promise<void> {
  await refuseClaimedDomain(tx, username, user.organizationId);
  await refuseEmailOfAnother(tx, username, user.organizationId, user.id);
  await refuseTaken(() => record(tx, user.id, { type: 'username.changed' }, { username, usernameKey: textKey(username) }));
}

async function changeHuman(tx: Tx, user: UserRow, { profile, email, phone }: HumanChanges, password: PasswordChange | undefined) {
  if (profile) await changeProfile(tx, user, profile);
  const emailCode = email && (await changeEmail(tx, user, email));
  if (phone === 'removed') await clearPhone(tx, user);
  const phoneCode = phone && phone !== 'removed' ? await changePhone(tx, user, phone) : undefined;
  if (password) await changePassword(tx, user, password);
  return { emailCode, phoneCode };
}

/** The step, for every call that changes names, language or gender. Returns whether anything was different. */
export async function changeProfile(tx: Tx, user: UserRow, profile: ProfileChanges): Promise<boolean> {
  const { givenName = user.givenName, familyName = user.familyName, nickName, displayName, preferredLanguage, gender } = profile;
  const wanted: UserColumns = {
    ...profileColumns({ givenName, familyName, ...(nickName !== undefined && { nickName }) }),
    // An empty display name asks for the default.
    ...(displayName !== undefined && profileColumns({ displayName: displayName || `${givenName} ${familyName}` })),
    ...(preferredLanguage !== undefined && { preferredLanguage: languageOf(preferredLanguage) }),
    ...(gender !== undefined && { gender }),
  };
  return recordDifference(tx, user, 'profile.changed', wanted);
}

async function changeMachine(tx: Tx, user: UserRow, { name, description, accessTokenType }: MachineChanges) {
  const wanted: UserColumns = {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(accessTokenType !== undefined && { accessTokenType }),
  };
  await recordDifference(tx, user, 'machine.changed', wanted);
  return {};
}

/** Writes only what differs; nothing does, nothing happens. Returns whether something did. */
async function recordDifference(
  tx: Tx,
  user: UserRow,
  type: 'profile.changed' | 'machine.changed',
  wanted: UserColumns,
): Promise<boolean> {
  const now = new Map<string, unknown>(Object.entries(user));
  const differing = Object.entries(wanted).filter(([column, value]) => now.get(column) !== value);
  if (differing.length === 0) return false;
  const fields = differing.map(([column]) => column).filter((column) => !column.endsWith('Key'));
  await record(tx, user.id, { type, fields }, Object.fromEntries(differing));
  return true;
}
