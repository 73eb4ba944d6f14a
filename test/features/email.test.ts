import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import {
  actAs,
  createHuman,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  homeOf,
  leaveCode,
  readHuman,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo } from '../support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

const returned = { case: 'returnCode', value: {} } as const;
const verified = { case: 'isVerified', value: true } as const;
const withTemplate = (urlTemplate: string) => ({ case: 'sendCode', value: { urlTemplate } }) as const;
const minutes = (count: number) => new Date(epoch.getTime() + count * 60_000);

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

const address = () => `${unique('mailbox')}@example.net`;
const verify = (userId: string, verificationCode: string) => outcome(users.verifyEmail({ userId, verificationCode }));
const wrongCode = (code: string) => (code === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA');

/** A person whose address nobody has confirmed, and without a code. */
const createUnverified = (email = address()) =>
  createHuman(server, { email: { email, verification: { case: 'isVerified', value: false } } });

describe('SetEmail', () => {
  test('replaces the address, which is unverified until the mailed code comes back; the username stays', async () => {
    const first = address();
    const userId = await createHuman(server, { email: { email: first, verification: verified } });
    const email = address();
    const { details, verificationCode } = await users.setEmail({ userId, email });
    expect(verificationCode).toBeUndefined();
    const changed = await readHuman(server, userId);
    expect(changed).toMatchObject({ username: first, email: { email, isVerified: false } });
    expect(details).toMatchObject({ sequence: changed.details.sequence, resourceOwner: await homeOf(server) });
    const [mail] = await messagesTo(server, email);
    expect(await verify(userId, codeIn(mail))).toBe('ok');
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: true });
  });

  test('returns the code, or takes the address as verified', async () => {
    const userId = await createHuman(server);
    const { verificationCode = '' } = await users.setEmail({ userId, email: address(), verification: returned });
    expect(verificationCode).toMatch(/^[A-Z0-9]{6}$/);
    expect(await verify(userId, verificationCode)).toBe('ok');
    expect((await users.setEmail({ userId, email: address(), verification: verified })).verificationCode).toBeUndefined();
    expect((await readHuman(server, userId)).email.isVerified).toBe(true);
  });

  test('kills the code of the address before', async () => {
    const userId = await createHuman(server);
    const { verificationCode = '' } = await users.setEmail({ userId, email: address(), verification: returned });
    await users.setEmail({ userId, email: address() });
    expect(await verify(userId, verificationCode)).toBe('InvalidArgument CODE_INVALID');
    await users.setEmail({ userId, email: address(), verification: verified });
    expect(await outcome(users.resendEmailCode({ userId }))).toBe('FailedPrecondition CODE_NOT_PENDING');
  });

  test('refuses the address that the user has, even to verify it, and what is no address', async () => {
    const email = address();
    const userId = await createUnverified(email);
    expect(await outcome(users.setEmail({ userId, email }))).toBe('FailedPrecondition EMAIL_UNCHANGED');
    expect(await outcome(users.setEmail({ userId, email, verification: verified }))).toBe('FailedPrecondition EMAIL_UNCHANGED');
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
    for (const bad of ['', 'nobody', 'a@b@c', 'line\nbreak@example.net', 'nul\0@example.net', `${'x'.repeat(65)}@example.net`]) {
      expect(new Set(await brokenFields(users.setEmail({ userId, email: bad }))), bad).toEqual(new Set(['email']));
    }
    const notVerified = { case: 'isVerified', value: false } as const;
    expect(await brokenFields(users.setEmail({ userId, email: address(), verification: notVerified }))).toEqual(['is_verified']);
  });
});

describe('ResendEmailCode and SendEmailCode', () => {
  test('a new code replaces one that nobody used, expired or not', async () => {
    const userId = await createHuman(server);
    const { verificationCode: first = '' } = await users.setEmail({ userId, email: address(), verification: returned });
    server.setTime(minutes(61));
    const { verificationCode: second = '' } = await users.resendEmailCode({ userId, verification: returned });
    expect(await verify(userId, first)).toBe('InvalidArgument CODE_INVALID');
    expect(await verify(userId, second)).toBe('ok');
    expect(await outcome(users.resendEmailCode({ userId }))).toBe('FailedPrecondition CODE_NOT_PENDING');
  });

  test('without a code before there is nothing to resend, but one can be sent, also for a verified address', async () => {
    const email = address();
    const userId = await createUnverified(email);
    expect(await outcome(users.resendEmailCode({ userId }))).toBe('FailedPrecondition CODE_NOT_PENDING');
    await users.sendEmailCode({ userId });
    const [mail] = await messagesTo(server, email);
    expect(await verify(userId, codeIn(mail))).toBe('ok');
    const { verificationCode = '' } = await users.sendEmailCode({ userId, verification: returned });
    expect((await readHuman(server, userId)).email.isVerified).toBe(true);
    expect(await verify(userId, verificationCode)).toBe('ok');
  });

  test('the mail has the link of the template; one that leads elsewhere is refused with its field', async () => {
    const email = address();
    const userId = await createUnverified(email);
    await users.sendEmailCode({ userId, verification: withTemplate('https://app.example.org/{{.UserID}}/{{.OrgID}}/{{.Code}}') });
    const [mail] = await messagesTo(server, email);
    expect(linkIn(mail).href).toBe(`https://app.example.org/${userId}/${await homeOf(server)}/${codeIn(mail)}`);
    for (const template of ['javascript:{{.Code}}', 'https://app.example.org/{{', '//evil.example', 'https://a@b.example/']) {
      const verification = withTemplate(template);
      for (const call of [
        () => users.sendEmailCode({ userId, verification }),
        () => users.resendEmailCode({ userId, verification }),
        () => users.setEmail({ userId, email: address(), verification }),
      ]) {
        expect(await brokenFields(call()), template).toEqual(['send_code.url_template']);
      }
    }
  });
});

describe('VerifyEmail', () => {
  test('takes the code from anybody, once', async () => {
    const userId = await createHuman(server);
    const { verificationCode = '' } = await users.setEmail({ userId, email: address(), verification: returned });
    const stranger = await createStranger(server);
    const { details } = await stranger.users.verifyEmail({ userId, verificationCode });
    expect(details?.sequence).toBe((await readHuman(server, userId)).details.sequence);
    expect((await readHuman(server, userId)).email.isVerified).toBe(true);
    expect(await verify(userId, verificationCode)).toBe('InvalidArgument CODE_INVALID');
  });

  test('says one thing of a wrong, an expired, a used and an absent code', async () => {
    const userId = await createHuman(server);
    const codeInvalid = 'InvalidArgument CODE_INVALID';
    expect(await verify(userId, 'AAAAAA')).toBe(codeInvalid);
    const { verificationCode = '' } = await users.setEmail({ userId, email: address(), verification: returned });
    expect(await verify(userId, wrongCode(verificationCode))).toBe(codeInvalid);
    expect(await verify(userId, verificationCode.toLowerCase())).toBe(codeInvalid);
    server.setTime(minutes(60));
    expect(await verify(userId, verificationCode)).toBe(codeInvalid);
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
  });

  test('takes it until its last minute', async () => {
    const userId = await createHuman(server);
    const { verificationCode = '' } = await users.setEmail({ userId, email: address(), verification: returned });
    server.setTime(minutes(59));
    expect(await verify(userId, verificationCode)).toBe('ok');
  });

  test('ends a pending invitation', async () => {
    const userId = await createUnverified();
    const { inviteCode = '' } = await users.createInviteCode({ userId, verification: returned });
    const { verificationCode = '' } = await users.sendEmailCode({ userId, verification: returned });
    expect(await verify(userId, verificationCode)).toBe('ok');
    expect(await outcome(users.verifyInviteCode({ userId, verificationCode: inviteCode }))).toBe('InvalidArgument CODE_INVALID');
  });

  test('locked and inactive users can verify; the state stays', async () => {
    const userId = await createUnverified();
    await users.lockUser({ userId });
    await leaveCode(server, userId, 'email', 'RIGHT1');
    expect(await verify(userId, 'RIGHT1')).toBe('ok');
    expect((await readHuman(server, userId)).state).toBe(UserState.LOCKED);
  });
});

describe('who may', () => {
  test('somebody himself, by mail only: no proof of his own address comes from his own call', async () => {
    const self = await actAs(server, await createUnverified());
    const { id: userId } = self;
    const notOwn = 'PermissionDenied VERIFICATION_NOT_OWN';
    const email = address();
    expect(await outcome(self.users.setEmail({ userId, email, verification: returned }))).toBe(notOwn);
    expect(await outcome(self.users.setEmail({ userId, email, verification: verified }))).toBe(notOwn);
    expect(await outcome(self.users.setEmail({ userId, email }))).toBe('ok');
    expect(await outcome(self.users.resendEmailCode({ userId, verification: returned }))).toBe(notOwn);
    expect(await outcome(self.users.resendEmailCode({ userId }))).toBe('ok');
    expect(await outcome(self.users.sendEmailCode({ userId, verification: returned }))).toBe(notOwn);
    expect(await outcome(self.users.sendEmailCode({ userId }))).toBe('ok');
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: false });
  });

  test('nobody, with an address of one who has more rights: the template would carry the code away', async () => {
    const home = await homeOf(server);
    const manager = await createManager(server, ['ORG_USER_MANAGER'], home);
    const userId = await createHuman(server);
    await server.as().management.addOrgMember({ userId, roles: ['ORG_OWNER'] });
    const denied = 'PermissionDenied HIGHER_RIGHTS';
    expect(await outcome(manager.users.setEmail({ userId, email: address() }))).toBe(denied);
    expect(
      await outcome(manager.users.sendEmailCode({ userId, verification: withTemplate('https://elsewhere.example/{{.Code}}') })),
    ).toBe(denied);
  });

  test('a machine has no address, and an initial user none yet', async () => {
    const machine = await createMachine(server);
    expect(await outcome(users.setEmail({ userId: machine, email: address() }))).toBe('NotFound USER_NOT_FOUND');
    expect(await verify(machine, 'AAAAAA')).toBe('NotFound USER_NOT_FOUND');
    const userId = await createUnverified();
    await server.sql`update users set state = 'initial' where id = ${userId}`;
    await leaveCode(server, userId, 'email', 'RIGHT1');
    for (const call of [
      () => users.setEmail({ userId, email: address() }),
      () => users.resendEmailCode({ userId }),
      () => users.sendEmailCode({ userId }),
      () => users.verifyEmail({ userId, verificationCode: 'RIGHT1' }),
    ]) {
      expect(await outcome(call())).toBe('FailedPrecondition USER_INITIAL');
    }
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
  });

  test('somebody of another organization is told that there is no such user, state or not', async () => {
    const elsewhere = await createManager(server, ['ORG_OWNER'], await createOrganization(server));
    const userId = await createUnverified();
    for (const call of [
      () => elsewhere.users.setEmail({ userId, email: address() }),
      () => elsewhere.users.resendEmailCode({ userId }),
      () => elsewhere.users.sendEmailCode({ userId }),
      () => elsewhere.users.verifyEmail({ userId, verificationCode: 'AAAAAA' }),
    ]) {
      expect(await outcome(call())).toBe('NotFound USER_NOT_FOUND');
    }
  });
});
