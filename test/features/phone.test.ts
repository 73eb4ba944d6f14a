import { beforeAll, beforeEach, expect, test } from 'vitest';
import {
  actAs,
  createHuman,
  createMachine,
  createManager,
  createStranger,
  homeOf,
  leaveCode,
  readHuman,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, messagesTo } from '../support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

const returned = { case: 'returnCode', value: {} } as const;
const verified = { case: 'isVerified', value: true } as const;

let server: TestServer;
let users: Clients['users'];
let last = 0;

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

/** A number that no other test of this file has used. */
const number = () => `+4178${String(++last).padStart(7, '0')}`;
const withPhone = (phone = number()) => createHuman(server, { phone: { phone, verification: verified } });
const verify = (userId: string, verificationCode: string) => outcome(users.verifyPhone({ userId, verificationCode }));

test('a new number is stored as E.164, unverified until the code of the SMS comes back', async () => {
  const userId = await withPhone();
  const { verificationCode } = await users.setPhone({ userId, phone: '079 123 45 67' });
  expect(verificationCode).toBeUndefined();
  expect((await readHuman(server, userId)).phone).toMatchObject({ phone: '+41791234567', isVerified: false });
  const [sms] = await messagesTo(server, '+41791234567');
  expect(await verify(userId, codeIn(sms))).toBe('ok');
  expect((await readHuman(server, userId)).phone.isVerified).toBe(true);
  expect(await verify(userId, codeIn(sms))).toBe('InvalidArgument CODE_INVALID');
});

test('the code can be returned, or the number taken as verified', async () => {
  const userId = await createHuman(server);
  const { verificationCode = '' } = await users.setPhone({ userId, phone: number(), verification: returned });
  expect(verificationCode).toMatch(/^[A-Z0-9]{6}$/);
  const stranger = await createStranger(server);
  expect(await outcome(stranger.users.verifyPhone({ userId, verificationCode }))).toBe('ok');
  await users.setPhone({ userId, phone: number(), verification: verified });
  expect((await readHuman(server, userId)).phone.isVerified).toBe(true);
});

test('the same number in any spelling is refused, and what is none', async () => {
  const userId = await withPhone('+41791112233');
  for (const phone of ['+41791112233', '079 111 22 33', '0041 79 111 22 33']) {
    expect(await outcome(users.setPhone({ userId, phone }))).toBe('FailedPrecondition PHONE_UNCHANGED');
  }
  for (const phone of ['nobody', '12', '+41 79 123 45 67 ext. 8', '+999 1234']) {
    expect(await brokenFields(users.setPhone({ userId, phone })), phone).toEqual(['phone']);
  }
  const notVerified = { case: 'isVerified', value: false } as const;
  expect(await brokenFields(users.setPhone({ userId, phone: number(), verification: notVerified }))).toEqual(['is_verified']);
});

test('a code that nobody used can be replaced; without one there is nothing to resend', async () => {
  const userId = await withPhone();
  expect(await outcome(users.resendPhoneCode({ userId }))).toBe('FailedPrecondition CODE_NOT_PENDING');
  const phone = number();
  const { verificationCode: first = '' } = await users.setPhone({ userId, phone, verification: returned });
  server.setTime(new Date(epoch.getTime() + 61 * 60_000));
  await users.resendPhoneCode({ userId });
  const [sms] = await messagesTo(server, phone);
  expect(await verify(userId, first)).toBe('InvalidArgument CODE_INVALID');
  expect(await verify(userId, codeIn(sms))).toBe('ok');
});

test('a number can be removed once, and its code with it', async () => {
  const userId = await createHuman(server);
  const { verificationCode = '' } = await users.setPhone({ userId, phone: number(), verification: returned });
  const { details } = await users.removePhone({ userId });
  const now = await readHuman(server, userId);
  expect(details?.sequence).toBe(now.details.sequence);
  expect(now.phone).toMatchObject({ phone: '', isVerified: false });
  expect(await verify(userId, verificationCode)).toBe('InvalidArgument CODE_INVALID');
  expect(await outcome(users.removePhone({ userId }))).toBe('FailedPrecondition PHONE_ABSENT');
});

test('somebody himself may, by SMS only', async () => {
  const self = await actAs(server, await withPhone());
  const { id: userId } = self;
  const notOwn = 'PermissionDenied VERIFICATION_NOT_OWN';
  expect(await outcome(self.users.setPhone({ userId, phone: number(), verification: returned }))).toBe(notOwn);
  expect(await outcome(self.users.setPhone({ userId, phone: number(), verification: verified }))).toBe(notOwn);
  expect(await outcome(self.users.setPhone({ userId, phone: number() }))).toBe('ok');
  expect(await outcome(self.users.resendPhoneCode({ userId, verification: returned }))).toBe(notOwn);
  expect(await outcome(self.users.resendPhoneCode({ userId }))).toBe('ok');
  expect((await readHuman(server, userId)).phone.isVerified).toBe(false);
  expect(await outcome(self.users.removePhone({ userId }))).toBe('ok');
});

test('nobody may who has fewer rights; a machine has no phone, and an initial user none yet', async () => {
  const manager = await createManager(server, ['ORG_USER_MANAGER'], await homeOf(server));
  const userId = await withPhone();
  await server.as().management.addOrgMember({ userId, roles: ['ORG_OWNER'] });
  expect(await outcome(manager.users.setPhone({ userId, phone: number() }))).toBe('PermissionDenied HIGHER_RIGHTS');
  expect(await outcome(manager.users.removePhone({ userId }))).toBe('PermissionDenied HIGHER_RIGHTS');
  const machine = await createMachine(server);
  expect(await outcome(users.setPhone({ userId: machine, phone: number() }))).toBe('NotFound USER_NOT_FOUND');
  expect(await outcome(users.removePhone({ userId: machine }))).toBe('NotFound USER_NOT_FOUND');
  await server.sql`update users set state = 'initial' where id = ${userId}`;
  await leaveCode(server, userId, 'phone', 'RIGHT1');
  for (const call of [
    () => users.setPhone({ userId, phone: number() }),
    () => users.resendPhoneCode({ userId }),
    () => users.removePhone({ userId }),
    () => users.verifyPhone({ userId, verificationCode: 'RIGHT1' }),
  ]) {
    expect(await outcome(call())).toBe('FailedPrecondition USER_INITIAL');
  }
});
