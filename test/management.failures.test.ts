// What the older calls refuse, row by row: by which organization the call is in, of whom, in which state, with what.

import { create } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ManagementService,
  SendHumanResetPasswordNotificationRequestSchema,
} from '../gen/zitadel/management/v1/management_pb.ts';
import { accessOf } from '../src/server/access.ts';
import {
  type Actor,
  createHuman,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  readHuman,
} from './support/actors.ts';
import { brokenFields, outcome } from './support/errors.ts';
import { type Memory, remember } from './support/isolation/memory.ts';
import { type Clients, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let memory: Memory;
let mine: string;
let theirs: string;
let manager: Actor;
let viewer: Actor;
let stranger: Actor;
let v1: Clients['management'];
/** An unverified address and number, no password, no factors; `ready` has both verified. */
let plain: string;
let ready: string;
let initial: string;
let machine: string;
let elsewhere: string;
let taken: string;

interface NewHuman {
  userName?: string;
  profile?: { firstName: string; lastName: string };
  email?: { email: string; isEmailVerified?: boolean };
  phone?: { phone: string };
  initialPassword?: string;
}

const named = (human: NewHuman = {}): NewHuman => ({
  userName: 'fresh',
  profile: { firstName: 'Grace', lastName: 'Hopper' },
  email: { email: 'fresh@example.net', isEmailVerified: true },
  ...human,
});

const email = 'ada@example.net';
const phone = '+41446681800';

beforeAll(async () => {
  server = await startServer();
  mine = await createOrganization(server);
  theirs = await createOrganization(server, { domain: 'claimed.example.com' });
  const isVerified = { case: 'isVerified', value: true } as const;
  const verified = { email: { email, verification: isVerified }, phone: { phone, verification: isVerified } };
  const profile = { givenName: 'Ada', familyName: 'Lovelace' };
  plain = await createHuman(server, { organizationId: mine, profile, email: { email: 'plain@example.net' } });
  ready = await createHuman(server, { organizationId: mine, username: 'ready', profile, ...verified });
  elsewhere = await createHuman(server, { organizationId: theirs, profile, ...verified });
  machine = await createMachine(server, { organizationId: mine });
  taken = (await readHuman(server, ready)).username;
  const inside = server.as(undefined, { headers: { 'x-zitadel-orgid': mine } });
  initial = (await inside.management.addHumanUser(named({ userName: 'initial', email: { email: 'initial@example.net' } })))
    .userId;
  manager = await createManager(server, ['ORG_OWNER'], mine);
  v1 = manager.management;
  await v1.setHumanPassword({ userId: ready, password: 'Passw0rd!' });
  viewer = await createManager(server, ['ORG_OWNER_VIEWER'], mine);
  stranger = await createStranger(server);
  memory = await remember(server.sql);
});

type Call = (client: Clients['management'], userId: string) => Promise<unknown>;

const newName = { firstName: 'New', lastName: 'Name', displayName: 'New Name' };

interface Row {
  call: Call;
  unknown: 'NotFound USER_NOT_FOUND' | 'FailedPrecondition USER_UNKNOWN' | 'ok';
  initial?: string;
}

/** Every call on a user, what it is told of one who does not exist, and of an INITIAL one. */
const calls: Record<string, Row> = {
  getHumanProfile: { call: (c, userId) => c.getHumanProfile({ userId }), unknown: 'NotFound USER_NOT_FOUND' },
  updateHumanProfile: {
    call: (c, userId) => c.updateHumanProfile({ userId, ...newName }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
  },
  getHumanEmail: { call: (c, userId) => c.getHumanEmail({ userId }), unknown: 'NotFound USER_NOT_FOUND' },
  updateHumanEmail: {
    call: (c, userId) => c.updateHumanEmail({ userId, email: 'new@example.net' }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
    initial: 'FailedPrecondition USER_INITIAL',
  },
  resendHumanInitialization: { call: (c, userId) => c.resendHumanInitialization({ userId }), unknown: 'NotFound USER_NOT_FOUND' },
  resendHumanEmailVerification: {
    call: (c, userId) => c.resendHumanEmailVerification({ userId }),
    unknown: 'NotFound USER_NOT_FOUND',
    initial: 'FailedPrecondition USER_INITIAL',
  },
  getHumanPhone: { call: (c, userId) => c.getHumanPhone({ userId }), unknown: 'NotFound USER_NOT_FOUND' },
  updateHumanPhone: {
    call: (c, userId) => c.updateHumanPhone({ userId, phone: '+41446681899' }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
  },
  removeHumanPhone: {
    call: (c, userId) => c.removeHumanPhone({ userId }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
    initial: 'NotFound PHONE_NOT_FOUND',
  },
  resendHumanPhoneVerification: {
    call: (c, userId) => c.resendHumanPhoneVerification({ userId }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
    initial: 'NotFound PHONE_NOT_FOUND',
  },
  setHumanInitialPassword: {
    call: (c, userId) => c.setHumanInitialPassword({ userId, password: 'An0ther!One' }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
    initial: 'FailedPrecondition USER_INITIAL',
  },
  setHumanPassword: {
    call: (c, userId) => c.setHumanPassword({ userId, password: 'An0ther!One' }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
    initial: 'FailedPrecondition USER_INITIAL',
  },
  sendHumanResetPasswordNotification: {
    call: (c, userId) => c.sendHumanResetPasswordNotification({ userId }),
    unknown: 'FailedPrecondition USER_UNKNOWN',
    initial: 'FailedPrecondition USER_INITIAL',
  },
  listHumanAuthFactors: { call: (c, userId) => c.listHumanAuthFactors({ userId }), unknown: 'ok' },
  removeHumanAuthFactorOTP: {
    call: (c, userId) => c.removeHumanAuthFactorOTP({ userId }),
    unknown: 'NotFound USER_NOT_FOUND',
    initial: 'NotFound TOTP_NOT_FOUND',
  },
  removeHumanAuthFactorU2F: {
    call: (c, userId) => c.removeHumanAuthFactorU2F({ userId, tokenId: '1' }),
    unknown: 'NotFound USER_NOT_FOUND',
    initial: 'NotFound U2F_NOT_FOUND',
  },
  removeHumanAuthFactorOTPSMS: {
    call: (c, userId) => c.removeHumanAuthFactorOTPSMS({ userId }),
    unknown: 'NotFound USER_NOT_FOUND',
    initial: 'NotFound OTP_NOT_FOUND',
  },
  removeHumanAuthFactorOTPEmail: {
    call: (c, userId) => c.removeHumanAuthFactorOTPEmail({ userId }),
    unknown: 'NotFound USER_NOT_FOUND',
    initial: 'NotFound OTP_NOT_FOUND',
  },
  listHumanPasswordless: { call: (c, userId) => c.listHumanPasswordless({ userId }), unknown: 'ok' },
  addPasswordlessRegistration: {
    call: (c, userId) => c.addPasswordlessRegistration({ userId }),
    unknown: 'NotFound USER_NOT_FOUND',
  },
  sendPasswordlessRegistration: {
    call: (c, userId) => c.sendPasswordlessRegistration({ userId }),
    unknown: 'NotFound USER_NOT_FOUND',
  },
  removeHumanPasswordless: {
    call: (c, userId) => c.removeHumanPasswordless({ userId, tokenId: '1' }),
    unknown: 'NotFound USER_NOT_FOUND',
    initial: 'NotFound PASSKEY_NOT_FOUND',
  },
  removeHumanAvatar: { call: (c, userId) => c.removeHumanAvatar({ userId }), unknown: 'NotFound USER_NOT_FOUND' },
};

describe.each(Object.entries(calls))('%s', (name, { call, unknown, initial: ofInitial = 'ok' }) => {
  test('of nobody, of somebody of another organization, and of a machine', async () => {
    for (const userId of ['nobody', elsewhere]) expect(await outcome(call(v1, userId))).toBe(unknown);
    const ofMachine = /^getHuman/.test(name) ? 'FailedPrecondition USER_NOT_HUMAN' : unknown;
    expect(await outcome(call(v1, machine))).toBe(ofMachine);
    // The owner of the instance as well: what counts is the organization of the call.
    const owner = server.as(undefined, { headers: { 'x-zitadel-orgid': mine } }).management;
    expect(await outcome(call(owner, elsewhere))).toBe(unknown);
    expect(await memory.undo()).toEqual([]);
  });

  test('of an INITIAL user', async () => {
    expect(await outcome(call(v1, initial))).toBe(ofInitial);
    await memory.undo();
  });

  test('by those who may not, and in no organization', async () => {
    const may = /^(get|list)/.test(name) ? 'ok' : 'PermissionDenied PERMISSION_DENIED';
    expect(await outcome(call(viewer.management, ready))).toBe(may);
    expect(await outcome(call(stranger.management, ready))).toBe('NotFound ORGANIZATION_NOT_FOUND');
    const lost = (token: string) => server.as(token, { headers: { 'x-zitadel-orgid': 'nowhere' } }).management;
    expect(await outcome(call(lost(manager.token), ready))).toBe('NotFound ORGANIZATION_NOT_FOUND');
    expect(await outcome(call(lost(server.token), ready))).toBe('PermissionDenied ORGANIZATION_DENIED');
  });

  test('without an id, or with one that is too long', async () => {
    const long = /Password$/.test(name) ? '' : 'x'.repeat(201);
    for (const userId of ['', long]) expect(await brokenFields(call(v1, userId))).toEqual(['user_id']);
  });
});

test('every call on a user stands above', () => {
  const ofUsers = ManagementService.methods.filter((method) => {
    const access = accessOf(method);
    return access?.on === 'organization' && access.user;
  });
  expect(Object.keys(calls).sort()).toEqual(ofUsers.map(({ localName }) => localName).sort());
});

/** What is refused changes nothing. */
async function refused(call: Promise<unknown>): Promise<string> {
  const told = await outcome(call);
  expect(await memory.undo()).toEqual([]);
  return told;
}

const refusals: [string, string, () => Promise<unknown>][] = [
  [
    'UpdateHumanProfile with what is there',
    'FailedPrecondition PROFILE_UNCHANGED',
    () =>
      v1.updateHumanProfile({
        ...{ userId: ready, firstName: 'Ada', lastName: 'Lovelace', displayName: 'Ada Lovelace' },
        preferredLanguage: 'no tongue',
      }),
  ],
  ['UpdateHumanEmail, the same', 'FailedPrecondition EMAIL_UNCHANGED', () => v1.updateHumanEmail({ userId: ready, email })],
  [
    'UpdateHumanEmail, the same and verified before',
    'FailedPrecondition EMAIL_UNCHANGED',
    () => v1.updateHumanEmail({ userId: ready, email, isEmailVerified: true }),
  ],
  [
    'UpdateHumanEmail, the same and still not verified',
    'FailedPrecondition EMAIL_UNCHANGED',
    () => v1.updateHumanEmail({ userId: plain, email: 'plain@example.net' }),
  ],
  ['ResendHumanInitialization', 'FailedPrecondition USER_NOT_INITIAL', () => v1.resendHumanInitialization({ userId: ready })],
  [
    'ResendHumanInitialization with another address',
    'FailedPrecondition USER_NOT_INITIAL',
    () => v1.resendHumanInitialization({ userId: plain, email: 'other@example.net' }),
  ],
  [
    'ResendHumanEmailVerification of a verified one',
    'FailedPrecondition EMAIL_VERIFIED',
    () => v1.resendHumanEmailVerification({ userId: ready }),
  ],
  ['UpdateHumanPhone, the same', 'FailedPrecondition PHONE_UNCHANGED', () => v1.updateHumanPhone({ userId: ready, phone })],
  [
    'UpdateHumanPhone, the same and verified before',
    'FailedPrecondition PHONE_UNCHANGED',
    () => v1.updateHumanPhone({ userId: ready, phone: '+41 44 668 18 00', isPhoneVerified: true }),
  ],
  ['RemoveHumanPhone of none', 'NotFound PHONE_NOT_FOUND', () => v1.removeHumanPhone({ userId: plain })],
  ['ResendHumanPhoneVerification of none', 'NotFound PHONE_NOT_FOUND', () => v1.resendHumanPhoneVerification({ userId: plain })],
  [
    'ResendHumanPhoneVerification of a verified one',
    'FailedPrecondition PHONE_VERIFIED',
    () => v1.resendHumanPhoneVerification({ userId: ready }),
  ],
  [
    'a password against the policy',
    'InvalidArgument PASSWORD_TOO_SHORT',
    () => v1.setHumanPassword({ userId: ready, password: 'a' }),
  ],
  [
    'an initial password against the policy',
    'InvalidArgument PASSWORD_NEEDS_UPPER',
    () => v1.setHumanInitialPassword({ userId: ready, password: 'passw0rd!' }),
  ],
  ['RemoveHumanAuthFactorOTP of none', 'NotFound TOTP_NOT_FOUND', () => v1.removeHumanAuthFactorOTP({ userId: ready })],
  [
    'RemoveHumanAuthFactorU2F of none',
    'NotFound U2F_NOT_FOUND',
    () => v1.removeHumanAuthFactorU2F({ userId: ready, tokenId: '1' }),
  ],
  ['RemoveHumanAuthFactorOTPSMS of none', 'NotFound OTP_NOT_FOUND', () => v1.removeHumanAuthFactorOTPSMS({ userId: ready })],
  ['RemoveHumanAuthFactorOTPEmail of none', 'NotFound OTP_NOT_FOUND', () => v1.removeHumanAuthFactorOTPEmail({ userId: ready })],
  [
    'RemoveHumanPasswordless of none',
    'NotFound PASSKEY_NOT_FOUND',
    () => v1.removeHumanPasswordless({ userId: ready, tokenId: '1' }),
  ],
  ['AddHumanUser under a taken name', 'AlreadyExists USERNAME_TAKEN', () => v1.addHumanUser(named({ userName: taken }))],
  [
    "AddHumanUser under another's verified address",
    'AlreadyExists USERNAME_TAKEN',
    () => v1.addHumanUser(named({ userName: email })),
  ],
  ['ImportHumanUser under a taken name', 'AlreadyExists USERNAME_TAKEN', () => v1.importHumanUser(named({ userName: taken }))],
  ['AddMachineUser under a taken name', 'AlreadyExists USERNAME_TAKEN', () => v1.addMachineUser({ userName: taken, name: 'a' })],
  [
    'AddMachineUser under a taken id',
    'FailedPrecondition USER_ID_TAKEN',
    () => v1.addMachineUser({ userName: 'fresh', name: 'a', userId: elsewhere }),
  ],
  [
    'AddHumanUser with a password against the policy',
    'InvalidArgument PASSWORD_NEEDS_SYMBOL',
    () => v1.addHumanUser(named({ initialPassword: 'Passw0rdd' })),
  ],
  [
    'ImportHumanUser by a provider that nobody knows',
    'FailedPrecondition PROVIDER_UNKNOWN',
    () => v1.importHumanUser({ ...named(), idps: [{ configId: '1', externalUserId: 'x' }] }),
  ],
];

test.each(refusals)('%s is %s', async (_, told, call) => {
  expect(await refused(call())).toBe(told);
});

function resetOfUnknownKind() {
  const request = create(SendHumanResetPasswordNotificationRequestSchema, { userId: ready });
  Reflect.set(request, 'type', 2);
  return request;
}

const invalid: [string, string, () => Promise<unknown>][] = [
  [
    'AddHumanUser, a blank name',
    'profile.first_name',
    () => v1.addHumanUser(named({ profile: { firstName: ' ', lastName: 'a' } })),
  ],
  [
    'AddHumanUser, another one',
    'profile.last_name',
    () => v1.addHumanUser(named({ profile: { firstName: 'a', lastName: ' ' } })),
  ],
  ['AddHumanUser, a blank user name', 'user_name', () => v1.addHumanUser(named({ userName: ' ' }))],
  ['AddHumanUser, a claimed domain', 'user_name', () => v1.addHumanUser(named({ userName: 'a@claimed.example.com' }))],
  ['AddHumanUser, an address', 'email.email', () => v1.addHumanUser(named({ email: { email: 'nobody' } }))],
  [
    'AddHumanUser, an address that cannot be',
    'email.email',
    () => v1.addHumanUser(named({ email: { email: `${'a'.repeat(65)}@b.c` } })),
  ],
  ['AddHumanUser, a number', 'phone.phone', () => v1.addHumanUser(named({ phone: { phone: '0446681800' } }))],
  ['AddHumanUser, a number that cannot be', 'phone.phone', () => v1.addHumanUser(named({ phone: { phone: '+1' } }))],
  ['AddHumanUser, no profile', 'profile', () => v1.addHumanUser({ userName: 'fresh', email: { email } })],
  ['AddHumanUser, no address', 'email', () => v1.addHumanUser({ userName: 'fresh', profile: { firstName: 'a', lastName: 'b' } })],
  [
    'ImportHumanUser, a blank name',
    'profile.first_name',
    () => v1.importHumanUser(named({ profile: { firstName: ' ', lastName: 'a' } })),
  ],
  [
    'ImportHumanUser, a hash',
    'hashed_password.value',
    () =>
      v1.importHumanUser({
        ...named(),
        hashedPassword: { value: '$2b$04$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy' },
      }),
  ],
  [
    'ImportHumanUser, two passwords',
    'hashed_password',
    () => v1.importHumanUser({ ...named(), password: 'Passw0rd!', hashedPassword: { value: 'a' } }),
  ],
  [
    'ImportHumanUser, the hash of a recovery code',
    'recovery_codes[1].hash',
    () =>
      v1.importHumanUser({
        ...named(),
        recoveryCodes: [{ codeType: { case: 'raw', value: 'a' } }, { codeType: { case: 'hash', value: 'a' } }],
      }),
  ],
  [
    'ImportHumanUser, an account',
    'idps[0].external_user_id',
    () => v1.importHumanUser({ ...named(), idps: [{ configId: '1' }] }),
  ],
  ['AddMachineUser, a blank user name', 'user_name', () => v1.addMachineUser({ userName: ' ', name: 'a' })],
  ['AddMachineUser, a claimed domain', 'user_name', () => v1.addMachineUser({ userName: 'a@claimed.example.com', name: 'a' })],
  ['AddMachineUser, no name', 'name', () => v1.addMachineUser({ userName: 'fresh' })],
  ['UpdateHumanProfile, a blank name', 'first_name', () => v1.updateHumanProfile({ userId: ready, ...newName, firstName: ' ' })],
  [
    'UpdateHumanProfile, no display name',
    'display_name',
    () => v1.updateHumanProfile({ userId: ready, ...newName, displayName: '' }),
  ],
  ['UpdateHumanEmail', 'email', () => v1.updateHumanEmail({ userId: ready, email: `${'a'.repeat(65)}@b.c` })],
  ['ResendHumanInitialization', 'email', () => v1.resendHumanInitialization({ userId: initial, email: 'nobody' })],
  ['UpdateHumanPhone', 'phone', () => v1.updateHumanPhone({ userId: ready, phone: '+1' })],
  ['SetHumanPassword, 73 characters', 'password', () => v1.setHumanPassword({ userId: ready, password: 'x'.repeat(73) })],
  ['SetHumanInitialPassword, none', 'password', () => v1.setHumanInitialPassword({ userId: ready })],
  ['SendHumanResetPasswordNotification', 'type', () => v1.sendHumanResetPasswordNotification(resetOfUnknownKind())],
  ['RemoveHumanAuthFactorU2F', 'token_id', () => v1.removeHumanAuthFactorU2F({ userId: ready })],
  ['RemoveHumanPasswordless', 'token_id', () => v1.removeHumanPasswordless({ userId: ready })],
];

test.each(invalid)('%s: %s is named, nothing written', async (_, field, call) => {
  expect(await refused(call())).toMatch(/^InvalidArgument /);
  expect(await brokenFields(call())).toEqual([field]);
});

test('a plain password of an import follows the policy of the organization, one of a new user that of the instance', async () => {
  await server.sql`insert into password_policies (organization_id, minimum_length, lower, upper, digit, symbol, composition_free)
    values (${mine}, 20, false, false, false, false, false)`;
  expect(await outcome(v1.importHumanUser({ ...named(), password: 'Passw0rd!' }))).toBe('InvalidArgument PASSWORD_TOO_SHORT');
  expect(await outcome(v1.addHumanUser(named({ initialPassword: 'Passw0rd!' })))).toBe('ok');
  await memory.undo();
});

test('a provider has to be allowed to create users', async () => {
  const { id: configId } = await v1.addGitHubProvider({ clientId: 'a', clientSecret: 'b', name: 'hub' });
  const idps = [{ configId, externalUserId: 'x' }];
  expect(await outcome(v1.importHumanUser({ ...named(), idps }))).toBe('FailedPrecondition PROVIDER_CREATES_NOBODY');
  await memory.undo();
});

test('links need the right to write credentials where they are shown', async () => {
  const writer = await createManager(server, ['ORG_USER_MANAGER'], mine);
  expect(await outcome(writer.management.addPasswordlessRegistration({ userId: ready }))).toBe(
    'PermissionDenied PERMISSION_DENIED',
  );
  expect(await outcome(writer.management.sendPasswordlessRegistration({ userId: ready }))).toBe('ok');
  await memory.undo();
});
