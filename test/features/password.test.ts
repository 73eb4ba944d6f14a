import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NotificationType } from '../../gen/zitadel/user/v2/password_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import {
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createStranger,
  grant,
  homeOf,
  knownPassword,
  leaveResetCode,
  readHuman,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo, messagesUntilNow } from '../support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

const first = 'First-Secret-1';
const second = 'Second-Secret-2';
const third = 'Third-Secret-3';
const returned = { case: 'returnCode', value: {} } as const;

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const address = () => `${unique('mailbox')}@example.net`;

const withPassword = async (email = address(), isVerified = true) =>
  createHuman(server, {
    email: { email, verification: { case: 'isVerified', value: isVerified } },
    passwordType: await knownPassword(first),
  });

const current = (value: string) => ({ verification: { case: 'currentPassword', value } }) as const;
const code = (value: string) => ({ verification: { case: 'verificationCode', value } }) as const;
const set = (userId: string, password: string, proof: ReturnType<typeof current> | ReturnType<typeof code> | object = {}) =>
  outcome(users.setPassword({ userId, newPassword: { password }, ...proof }));
const isPassword = async (userId: string, password: string) =>
  (await set(userId, password, current(password))).endsWith('UNCHANGED');

async function resetCode(userId: string): Promise<string> {
  const { verificationCode = '' } = await users.passwordReset({ userId, medium: returned });
  return verificationCode;
}

describe('PasswordReset', () => {
  test('mails a code by which anybody may set a password, once', async () => {
    const email = address();
    const userId = await withPassword(email);
    const { details, verificationCode } = await users.passwordReset({ userId });
    expect(verificationCode).toBeUndefined();
    expect(details?.sequence).toBe((await readHuman(server, userId)).details.sequence);
    const [mail] = await messagesTo(server, email);
    expect(linkIn(mail).origin).toBe('https://roster.example.com');
    const stranger = await createStranger(server);
    const change = () =>
      outcome(stranger.users.setPassword({ userId, newPassword: { password: second }, ...code(codeIn(mail)) }));
    expect(await change()).toBe('ok');
    expect(await isPassword(userId, second)).toBe(true);
    expect(await change()).toBe('NotFound USER_NOT_FOUND');
  });

  test('goes by SMS where that is asked for, and nowhere without a number', async () => {
    const phone = '+41781112233';
    const userId = await createHuman(server, { phone: { phone, verification: { case: 'isVerified', value: true } } });
    const bySms = { case: 'sendLink', value: { notificationType: NotificationType.SMS } } as const;
    await users.passwordReset({ userId, medium: bySms });
    const [sms] = await messagesTo(server, phone);
    expect(await set(userId, second, code(codeIn(sms)))).toBe('ok');
    const email = address();
    const without = await withPassword(email);
    expect(await outcome(users.passwordReset({ userId: without, medium: bySms }))).toBe('ok');
    expect(await messagesUntilNow(server, email)).toEqual([]);
  });

  test('has the link of the template, checked before anything is looked up', async () => {
    const email = address();
    const userId = await withPassword(email);
    const link = (urlTemplate: string) => ({ case: 'sendLink', value: { urlTemplate } }) as const;
    await users.passwordReset({ userId, medium: link('https://app.example.org/{{.UserID}}/{{.Code}}') });
    const [mail] = await messagesTo(server, email);
    expect(linkIn(mail).href).toBe(`https://app.example.org/${userId}/${codeIn(mail)}`);
    expect(await brokenFields(users.passwordReset({ userId: 'nobody', medium: link('http://app.example.org') }))).toEqual([
      'send_link.url_template',
    ]);
  });

  test('works without a password, for locked and inactive users, and with an unverified address', async () => {
    const email = address();
    const userId = await createHuman(server, { email: { email, verification: { case: 'isVerified', value: false } } });
    await users.lockUser({ userId });
    await users.passwordReset({ userId });
    const [mail] = await messagesTo(server, email);
    expect(await set(userId, second, code(codeIn(mail)))).toBe('ok');
    expect((await readHuman(server, userId)).state).toBe(UserState.LOCKED);
    const inactive = await withPassword();
    await users.deactivateUser({ userId: inactive });
    expect(await set(inactive, second, code(await resetCode(inactive)))).toBe('ok');
    expect((await readHuman(server, inactive)).state).toBe(UserState.INACTIVE);
  });

  test('kills the code before', async () => {
    const userId = await withPassword();
    const old = await resetCode(userId);
    const next = await resetCode(userId);
    expect(await set(userId, second, code(old))).toBe('InvalidArgument CODE_WRONG');
    expect(await set(userId, second, code(next))).toBe('ok');
  });

  test('somebody himself gets his code by mail only, and nobody that of one with more rights', async () => {
    const self = await actAs(server, await withPassword());
    const notOwn = 'PermissionDenied VERIFICATION_NOT_OWN';
    expect(await outcome(self.users.passwordReset({ userId: self.id, medium: returned }))).toBe(notOwn);
    expect(await outcome(self.users.passwordReset({ userId: self.id }))).toBe('ok');
    const manager = await createManager(server, ['ORG_USER_MANAGER'], await homeOf(server));
    await grant(server, self.id, ['ORG_OWNER'], await homeOf(server));
    const denied = 'PermissionDenied HIGHER_RIGHTS';
    expect(await outcome(manager.users.passwordReset({ userId: self.id, medium: returned }))).toBe(denied);
    expect(await outcome(manager.users.setPassword({ userId: self.id, newPassword: { password: second } }))).toBe(denied);
  });
});

describe('SetPassword', () => {
  test('with the current password, whoever brings it; the date and what is required change with it', async () => {
    const userId = await createHuman(server, {
      passwordType: { case: 'password', value: { password: first, changeRequired: true } },
    });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(true);
    later(60);
    const stranger = await createStranger(server);
    const { details } = await stranger.users.setPassword({ userId, newPassword: { password: second }, ...current(first) });
    const { passwordChanged, passwordChangeRequired, details: now } = await readHuman(server, userId);
    expect(Number(passwordChanged?.seconds)).toBe(epoch.getTime() / 1000 + 60);
    expect(passwordChangeRequired).toBe(false);
    expect(details).toMatchObject({ sequence: now.sequence, changeDate: now.changeDate });
    await users.setPassword({ userId, newPassword: { password: third, changeRequired: true } });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(true);
  });

  test('says what is wrong to who sees the user', async () => {
    const userId = await withPassword();
    expect(await set(userId, second, current('Wrong-Secret-1'))).toBe('InvalidArgument PASSWORD_WRONG');
    expect(await set(userId, first, current(first))).toBe('FailedPrecondition PASSWORD_UNCHANGED');
    expect(await set(userId, second, code('AAAAAA'))).toBe('FailedPrecondition CODE_ABSENT');
    await leaveResetCode(server, userId, 'RIGHT1');
    expect(await set(userId, second, code('WRONG1'))).toBe('InvalidArgument CODE_WRONG');
    const without = await createHuman(server);
    expect(await set(without, second, current(first))).toBe('FailedPrecondition PASSWORD_NOT_SET');
    expect(await isPassword(userId, first)).toBe(true);
  });

  test('an expired code is none', async () => {
    const userId = await withPassword();
    const late = await resetCode(userId);
    later(3600);
    expect(await set(userId, second, code(late))).toBe('FailedPrecondition CODE_ABSENT');
  });

  test('a password that the policy refuses burns no code and changes nothing', async () => {
    const userId = await withPassword();
    const right = await resetCode(userId);
    expect(await set(userId, 'short', code(right))).toBe('InvalidArgument PASSWORD_TOO_SHORT');
    expect(await set(userId, 'P@ssw0rd', code(right))).toBe('InvalidArgument PASSWORD_COMMON');
    expect(await isPassword(userId, first)).toBe(true);
    expect(await set(userId, second, code(right))).toBe('ok');
  });

  test('without a proof it takes the right to write users; of his own, somebody needs that to credentials', async () => {
    const userId = await withPassword();
    expect(await set(userId, second)).toBe('ok');
    const self = await actAs(server, userId);
    const own = () => outcome(self.users.setPassword({ userId, newPassword: { password: third } }));
    expect(await own()).toBe('PermissionDenied PASSWORD_PROOF_NEEDED');
    const viewer = await createInstanceManager(server, ['IAM_OWNER_VIEWER']);
    expect(await outcome(viewer.users.setPassword({ userId, newPassword: { password: third } }))).toBe(
      'PermissionDenied PERMISSION_DENIED',
    );
    const stranger = await createStranger(server);
    expect(await outcome(stranger.users.setPassword({ userId, newPassword: { password: third } }))).toBe(
      'NotFound USER_NOT_FOUND',
    );
    await grant(server, userId, ['IAM_LOGIN_CLIENT']);
    expect(await own()).toBe('ok');
  });

  test('an empty or missing password is refused before anything is looked up, and so is one of 201 characters', async () => {
    for (const userId of [await withPassword(), 'nobody']) {
      expect(await outcome(users.setPassword({ userId }))).toBe('InvalidArgument PASSWORD_EMPTY');
      expect(await brokenFields(users.setPassword({ userId }))).toEqual(['new_password']);
      expect(await brokenFields(users.setPassword({ userId, newPassword: {} }))).toEqual(['new_password.password']);
      expect(
        await brokenFields(users.setPassword({ userId, newPassword: { password: `Aa1!${'\u{1F600}'.repeat(197)}` } })),
      ).toEqual(['new_password.password']);
    }
    const longest = `Aa1!${'\u{1F600}'.repeat(196)}`;
    const userId = await withPassword();
    expect(await set(userId, longest)).toBe('ok');
    expect(await isPassword(userId, longest)).toBe(true);
    expect(await set(userId, second, current(`${longest.slice(0, -2)}x`))).toBe('InvalidArgument PASSWORD_WRONG');
  });

  test('both spellings of one accented letter are the same password', async () => {
    const userId = await withPassword();
    await users.setPassword({ userId, newPassword: { password: 'Secr\u00e9t-Word-1' } });
    expect(await set(userId, second, current('Secre\u0301t-Word-1'))).toBe('ok');
  });

  test('an unknown user, a machine and an initial user have none to set', async () => {
    const machine = await createMachine(server);
    const initial = await withPassword();
    await server.sql`update users set state = 'initial' where id = ${initial}`;
    for (const proof of [{}, current(first), code('AAAAAA')]) {
      expect(await set('nobody', second, proof)).toBe('FailedPrecondition USER_UNKNOWN');
      expect(await set(machine, second, proof)).toBe('FailedPrecondition USER_UNKNOWN');
      expect(await set(initial, second, proof)).toBe('FailedPrecondition USER_INITIAL');
    }
    expect(await outcome(users.passwordReset({ userId: initial }))).toBe('FailedPrecondition USER_INITIAL');
    expect(await outcome(users.passwordReset({ userId: machine }))).toBe('NotFound USER_NOT_FOUND');
  });

  test('ends a reset under way and forgives wrong tries', async () => {
    const userId = await withPassword();
    const right = await resetCode(userId);
    for (let wrong = 0; wrong < 5; wrong++) await set(userId, second, current('Wrong-Secret-1'));
    expect(await set(userId, second, current(first))).toBe('ResourceExhausted TRIED_TOO_OFTEN');
    expect(await set(userId, second)).toBe('ok');
    expect(await set(userId, third, code(right))).toBe('FailedPrecondition CODE_ABSENT');
    expect(await set(userId, third, current(second))).toBe('ok');
  });

  test('its owner is told, at an address that is known to be his', async () => {
    const [email, unverified] = [address(), address()];
    await users.setPassword({ userId: await withPassword(email), newPassword: { password: second } });
    await users.setPassword({ userId: await withPassword(unverified, false), newPassword: { password: second } });
    const [mail] = await messagesTo(server, email);
    expect(mail).toContain('password');
    expect(mail).not.toContain(second);
    expect(await messagesUntilNow(server, unverified)).toEqual([]);
  });
});
