import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { actAs, createHuman, createMachine, createStranger, readHuman, unique } from '../support/actors.ts';
import { Authenticator } from '../support/authenticator.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo, messagesUntilNow } from '../support/outbox.ts';
import { createProvider } from '../support/providers.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

const returned = { case: 'returnCode', value: {} } as const;
const mailed = (value: { urlTemplate?: string; applicationName?: string } = {}) => ({ case: 'sendCode', value }) as const;

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

const address = () => `${unique('guest')}@example.net`;
const createGuest = (email = address()) =>
  createHuman(server, { email: { email, verification: { case: 'isVerified', value: false } } });
const verify = (userId: string, verificationCode: string) => outcome(users.verifyInviteCode({ userId, verificationCode }));

test('a mailed invitation, accepted, verifies the address; it lives three days and is used once', async () => {
  const email = address();
  const userId = await createGuest(email);
  const { inviteCode, details } = await users.createInviteCode({ userId });
  expect(inviteCode).toBeUndefined();
  expect(details?.sequence).toBe((await readHuman(server, userId)).details.sequence);
  const [mail] = await messagesTo(server, email);
  expect(mail).toContain('Roster');
  server.setTime(new Date(epoch.getTime() + 71 * 3_600_000));
  const stranger = await createStranger(server);
  await stranger.users.verifyInviteCode({ userId, verificationCode: codeIn(mail) });
  expect((await readHuman(server, userId)).email.isVerified).toBe(true);
  expect(await verify(userId, codeIn(mail))).toBe('InvalidArgument CODE_INVALID');
});

test('an expired, a wrong and an absent code are one', async () => {
  const userId = await createGuest();
  expect(await verify(userId, 'AAAAAA')).toBe('InvalidArgument CODE_INVALID');
  const { inviteCode = '' } = await users.createInviteCode({ userId, verification: returned });
  expect(inviteCode).toMatch(/^[A-Z0-9]{6}$/);
  expect(await verify(userId, inviteCode === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA')).toBe('InvalidArgument CODE_INVALID');
  server.setTime(new Date(epoch.getTime() + 72 * 3_600_000));
  expect(await verify(userId, inviteCode)).toBe('InvalidArgument CODE_INVALID');
  expect((await readHuman(server, userId)).email.isVerified).toBe(false);
});

test('what a later invitation leaves out is taken from the one before, in the end from the product', async () => {
  const email = address();
  const userId = await createGuest(email);
  const template = 'https://app.example.org/join/{{.UserID}}/{{.Code}}';
  await users.createInviteCode({ userId, verification: mailed({ urlTemplate: template, applicationName: 'Wiki' }) });
  await users.createInviteCode({ userId, verification: returned });
  await users.createInviteCode({ userId });
  await users.createInviteCode({ userId, verification: mailed({ applicationName: 'Forum' }) });
  await users.resendInviteCode({ userId });
  const mails = await messagesTo(server, email, 4);
  expect(mails.map((mail) => linkIn(mail).pathname.startsWith(`/join/${userId}/`))).toEqual([true, true, true, true]);
  const named = (name: string) => mails.filter((mail) => mail.includes(name)).length;
  expect([named('Wiki'), named('Forum')]).toEqual([2, 2]);
});

test('again after a returned code, and after the code died', async () => {
  const userId = await createGuest();
  const { inviteCode: first = '' } = await users.createInviteCode({ userId, verification: returned });
  const { inviteCode: second = '' } = await users.createInviteCode({ userId, verification: returned });
  expect(await verify(userId, first)).toBe('InvalidArgument CODE_INVALID');
  expect(await verify(userId, second)).toBe('ok');
  expect(await outcome(users.createInviteCode({ userId }))).toBe('ok');
});

describe('ResendInviteCode', () => {
  test('needs one that was mailed and that nobody used', async () => {
    const email = address();
    const userId = await createGuest(email);
    const nothing = 'FailedPrecondition CODE_NOT_PENDING';
    const resend = () => outcome(users.resendInviteCode({ userId }));
    expect(await resend()).toBe(nothing);
    await users.createInviteCode({ userId, verification: returned });
    expect(await resend()).toBe(nothing);
    await users.createInviteCode({ userId });
    expect(await resend()).toBe('ok');
    const [first, second] = await messagesTo(server, email, 2);
    expect([await verify(userId, codeIn(first)), await verify(userId, codeIn(second))].sort()).toEqual([
      'InvalidArgument CODE_INVALID',
      'ok',
    ]);
    expect(await resend()).toBe(nothing);
  });
});

test('who can sign in is not invited', async () => {
  const email = address();
  const userId = await createGuest(email);
  await users.createInviteCode({ userId, verification: returned });
  await users.setPassword({ userId, newPassword: { password: 'First-Secret-1' } });
  const notNeeded = 'FailedPrecondition INVITE_NOT_NEEDED';
  expect(await outcome(users.createInviteCode({ userId }))).toBe(notNeeded);
  expect(await outcome(users.resendInviteCode({ userId }))).toBe(notNeeded);
  expect(await messagesUntilNow(server, email)).toEqual([]);
});

test('nor is who has a passkey, or got one since he was invited', async () => {
  const userId = await createGuest(address());
  const { inviteCode = '' } = await users.createInviteCode({ userId, verification: returned });
  const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({ userId });
  const publicKeyCredential = new Authenticator().register(options, 'https://roster.example.com');
  await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Laptop' });
  expect(await outcome(users.createInviteCode({ userId, verification: returned }))).toBe('FailedPrecondition INVITE_NOT_NEEDED');
  // That the address is his can still be shown.
  expect(await verify(userId, inviteCode)).toBe('ok');
});

test('nor is who is linked with a provider', async () => {
  const userId = await createGuest(address());
  const idpId = await createProvider(server);
  await users.createInviteCode({ userId });
  await users.addIDPLink({ userId, idpLink: { idpId, userId: 'ada', userName: 'Ada' } });
  expect(await outcome(users.createInviteCode({ userId }))).toBe('FailedPrecondition INVITE_NOT_NEEDED');
  expect(await outcome(users.resendInviteCode({ userId }))).toBe('FailedPrecondition INVITE_NOT_NEEDED');
  await users.removeIDPLink({ userId, idpId, linkedUserId: 'ada' });
  expect(await outcome(users.createInviteCode({ userId }))).toBe('ok');
});

test('an unknown user and a machine cannot be invited, nor a template lead anywhere', async () => {
  for (const userId of ['nobody', await createMachine(server)]) {
    const unknown = 'FailedPrecondition USER_UNKNOWN';
    expect(await outcome(users.createInviteCode({ userId }))).toBe(unknown);
    expect(await outcome(users.resendInviteCode({ userId }))).toBe(unknown);
    expect(await verify(userId, 'AAAAAA')).toBe(unknown);
  }
  const verification = mailed({ urlTemplate: 'https://app.example.org/{{.Password}}' });
  expect(await brokenFields(users.createInviteCode({ userId: 'nobody', verification }))).toEqual(['send_code.url_template']);
});

test('somebody himself gets his invitation by mail only', async () => {
  const self = await actAs(server, await createGuest());
  const { id: userId } = self;
  expect(await outcome(self.users.createInviteCode({ userId, verification: returned }))).toBe(
    'PermissionDenied VERIFICATION_NOT_OWN',
  );
  expect(await outcome(self.users.createInviteCode({ userId }))).toBe('ok');
  expect(await outcome(self.users.resendInviteCode({ userId }))).toBe('ok');
});

test('putting off a second factor is remembered with its time, for others and oneself', async () => {
  const self = await actAs(server, await createGuest());
  const { id: userId } = self;
  expect((await readHuman(server, userId)).mfaInitSkipped).toBeUndefined();
  const { details } = await self.users.humanMFAInitSkipped({ userId });
  expect((await readHuman(server, userId)).mfaInitSkipped).toEqual(details?.changeDate);
  server.setTime(new Date(epoch.getTime() + 60_000));
  const again = await users.humanMFAInitSkipped({ userId });
  expect((await readHuman(server, userId)).mfaInitSkipped).toEqual(again.details?.changeDate);
  expect(await outcome(users.humanMFAInitSkipped({ userId: 'nobody' }))).toBe('NotFound USER_NOT_FOUND');
});
