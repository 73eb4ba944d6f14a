// Those who begin INITIAL: what is refused and allowed until the code that was mailed to them is used, on the page behind its
// link; how else the state ends.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { codeShapes } from '../../src/kernel/codes/codes.ts';
import {
  type Actor,
  createInstanceManager,
  createManager,
  homeOf,
  readHuman,
  readState,
  tokenFor,
  unique,
} from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo, messagesUntilNow } from '../support/outbox.ts';
import { fillPage, openPage, type Shown, sendForm, textOf } from '../support/pages.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let v1: Clients['management'];
let users: Clients['users'];
let login: Actor;
let now: Date;

const hour = 60 * 60 * 1000;
const password = 'Passw0rd!';
const another = 'An0ther!One';
const refused = 'There is a problem';

beforeAll(async () => {
  server = await startServer();
  ({ management: v1, users } = server.as());
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
  now = epoch;
});

/** Time goes on between tests, so that no network runs out of tries; never back, or messages would not be due. */
beforeEach(() => pass(1000));

function pass(ms: number): void {
  now = new Date(now.getTime() + ms);
  server.setTime(now);
}

interface Initial {
  userId: string;
  email: string;
  /** On the server under test. */
  url: string;
}

const here = (link: URL) => `${server.address}${link.pathname}${link.search}`;

async function begin({ initialPassword = '', isEmailVerified = false } = {}): Promise<Initial> {
  const email = `${unique('initial')}@example.net`;
  const { userId } = await v1.addHumanUser({
    ...{ userName: unique('begins'), profile: { firstName: 'Ada', lastName: 'Lovelace' }, initialPassword },
    email: { email, isEmailVerified },
  });
  const [mail] = await messagesTo(server, email);
  return { userId, email, url: here(linkIn(mail)) };
}

const typed = (secret = another) => ({ password: secret, repeat: secret });
const isTold = ({ status, html }: Shown) => (status === 200 ? 'done' : `${status} ${textOf(html, 'h2')}`);

const session = (userId: string, secret?: string) =>
  login.sessions.createSession({
    checks: {
      user: { search: { case: 'userId', value: userId } },
      ...(secret !== undefined && { password: { password: secret } }),
    },
  });

describe('the page behind the link', () => {
  test('verifies the address, sets a password, and makes the user active', async () => {
    const { userId, url } = await begin();
    expect((await openPage(url)).status).toBe(200);
    expect(await readState(server, userId)).toBe(UserState.INITIAL);
    const done = await fillPage(url, typed());
    expect([done.status, textOf(done.html, 'h1')]).toEqual([200, 'Your account is set up']);
    const { state, email, passwordChangeRequired } = await readHuman(server, userId);
    expect([state, email.isVerified, passwordChangeRequired]).toEqual([UserState.ACTIVE, true, false]);
    expect(await outcome(session(userId, another))).toBe('ok');
    const events = await server.sql<{ type: string }[]>`select type from user_events where user_id = ${userId} order by sequence`;
    expect(events.map(({ type }) => type).slice(0, 5)).toEqual([
      ...['user.created', 'init.code.created', 'email.verified', 'state.changed', 'password.changed'],
    ]);
  });

  test('asks for no password from who has one, which stays and has to be changed', async () => {
    const { userId, url } = await begin({ initialPassword: password });
    const page = await openPage(url);
    expect(Object.keys(page.fields).sort()).toEqual(['code', 'passwordset', 'token', 'userID']);
    expect((await sendForm(url, page)).status).toBe(200);
    const { state, email, passwordChangeRequired } = await readHuman(server, userId);
    expect([state, email.isVerified, passwordChangeRequired]).toEqual([UserState.ACTIVE, true, true]);
    expect(await outcome(session(userId, password))).toBe('ok');
  });

  test('lets nobody in without a password, whatever the link says', async () => {
    const { userId, url } = await begin();
    const said = url.replace('passwordset=false', 'passwordset=true');
    expect(isTold(await fillPage(said))).toBe(`422 ${refused}`);
    expect(await readState(server, userId)).toBe(UserState.INITIAL);
    expect(isTold(await fillPage(url, typed()))).toBe('done');
  });

  test('keeps the code when the password is refused', async () => {
    const { userId, url } = await begin();
    expect(isTold(await fillPage(url, typed('short')))).toBe(`422 ${refused}`);
    expect(isTold(await fillPage(url, typed('lovelace-A1!')))).toBe(`422 ${refused}`);
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
    expect(isTold(await fillPage(url, typed()))).toBe('done');
  });

  test('takes a code once, and for 72 hours', async () => {
    expect(codeShapes.init.lifetimeMs).toBe(72 * hour);
    const used = await begin();
    expect(isTold(await fillPage(used.url, typed()))).toBe('done');
    expect(isTold(await fillPage(used.url, typed(password)))).toBe(`422 ${refused}`);
    expect(await outcome(session(used.userId, another))).toBe('ok');
    const [expired, inTime] = [await begin(), await begin()];
    pass(72 * hour - 1000);
    expect(isTold(await fillPage(inTime.url, typed()))).toBe('done');
    pass(1000);
    expect(isTold(await fillPage(expired.url, typed()))).toBe(`422 ${refused}`);
    expect(await readState(server, expired.userId)).toBe(UserState.INITIAL);
  });

  test('two at once: one gets through', async () => {
    const { userId, url } = await begin();
    const page = await openPage(url);
    const secrets = ['F1rst!pass', 'Sec0nd!pass', 'Th1rd!pass', 'F0urth!pass'];
    const answers = await Promise.all(secrets.map((secret) => sendForm(url, page, typed(secret))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = secrets[answers.findIndex(({ status }) => status === 200)];
    expect(await outcome(session(userId, winner))).toBe('ok');
  });
});

describe('ResendHumanInitialization', () => {
  test('mails a new code; the one before is dead', async () => {
    const { userId, email, url } = await begin();
    await v1.resendHumanInitialization({ userId });
    const [, second] = await messagesTo(server, email, 2);
    expect(isTold(await fillPage(url, typed()))).toBe(`422 ${refused}`);
    expect(isTold(await fillPage(here(linkIn(second)), typed()))).toBe('done');
  });

  test('stores another address first, which the code then verifies; who reads the old one is out', async () => {
    const { userId, url } = await begin({ isEmailVerified: true });
    const address = `${unique('moved')}@example.net`;
    await v1.resendHumanInitialization({ userId, email: address });
    expect((await readHuman(server, userId)).email).toMatchObject({ email: address, isVerified: false });
    expect(isTold(await fillPage(url, typed()))).toBe(`422 ${refused}`);
    const mails = await messagesUntilNow(server, address);
    expect(mails).toHaveLength(1);
    expect(isTold(await fillPage(here(linkIn(mails[0])), typed()))).toBe('done');
    expect((await readHuman(server, userId)).email).toMatchObject({ email: address, isVerified: true });
  });

  test('to the same address keeps what is verified', async () => {
    const { userId, email } = await begin({ isEmailVerified: true });
    await v1.resendHumanInitialization({ userId, email });
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: true });
  });

  test('is needed after UpdateUser has changed the address', async () => {
    const { userId, url } = await begin();
    const address = `${unique('changed')}@example.net`;
    await users.updateUser({ userId, userType: { case: 'human', value: { email: { email: address } } } });
    expect(isTold(await fillPage(url, typed()))).toBe(`422 ${refused}`);
    const verificationCode = codeIn((await messagesTo(server, address))[0]);
    expect(await outcome(users.verifyEmail({ userId, verificationCode }))).toBe('FailedPrecondition USER_INITIAL');
    await v1.resendHumanInitialization({ userId });
    const [, mail] = await messagesTo(server, address, 2);
    expect(isTold(await fillPage(here(linkIn(mail)), typed()))).toBe('done');
  });
});

describe('who is INITIAL', () => {
  test('does not sign in, neither by a session nor by a token', async () => {
    const { userId } = await begin({ initialPassword: password, isEmailVerified: false });
    const { sessionToken } = await session(userId, password);
    const calls = (token: string) => outcome(server.as(token).users.getUserByID({ userId }));
    expect(await calls(sessionToken)).toBe('Unauthenticated UNAUTHENTICATED');
    expect(await calls(await tokenFor(server, userId))).toBe('Unauthenticated UNAUTHENTICATED');
  });

  test('is not let in by resets, invitations, verifications and factors; who may change him is told why', async () => {
    const { userId } = await begin();
    const initial = 'FailedPrecondition USER_INITIAL';
    const refusals: Record<string, () => Promise<unknown>> = {
      setEmail: () => users.setEmail({ userId, email: 'a@example.net' }),
      sendEmailCode: () => users.sendEmailCode({ userId }),
      resendEmailCode: () => users.resendEmailCode({ userId }),
      setPhone: () => users.setPhone({ userId, phone: '+41446681800' }),
      resendPhoneCode: () => users.resendPhoneCode({ userId }),
      removePhone: () => users.removePhone({ userId }),
      passwordReset: () => users.passwordReset({ userId }),
      setPassword: () => users.setPassword({ userId, newPassword: { password } }),
      createInviteCode: () => users.createInviteCode({ userId }),
      registerPasskey: () => users.registerPasskey({ userId }),
      registerU2F: () => users.registerU2F({ userId }),
      registerTOTP: () => users.registerTOTP({ userId }),
      generateRecoveryCodes: () => users.generateRecoveryCodes({ userId, count: 1 }),
      deactivate: () => users.deactivateUser({ userId }),
    };
    for (const [name, call] of Object.entries(refusals)) expect([name, await outcome(call())]).toEqual([name, initial]);
    expect(await readState(server, userId)).toBe(UserState.INITIAL);
  });

  test('has no use for a registration link until he is initialised; then it works', async () => {
    const { userId, url } = await begin();
    const { link } = await v1.addPasswordlessRegistration({ userId });
    const { searchParams } = new URL(link);
    const code = { id: searchParams.get('codeID') ?? '', code: searchParams.get('code') ?? '' };
    expect(await outcome(users.registerPasskey({ userId, code }))).toBe('FailedPrecondition USER_INITIAL');
    expect(await outcome(login.users.registerPasskey({ userId, code }))).toBe('FailedPrecondition USER_INITIAL');
    expect(isTold(await fillPage(url, typed()))).toBe('done');
    expect(await outcome(users.registerPasskey({ userId, code }))).toBe('ok');
  });

  test('can be renamed, given a number, locked and deleted', async () => {
    const { userId } = await begin();
    const profile = { firstName: 'New', lastName: 'Name', displayName: 'New Name' };
    expect(await outcome(v1.updateHumanProfile({ userId, ...profile }))).toBe('ok');
    expect(await outcome(v1.updateHumanPhone({ userId, phone: '+41446681800' }))).toBe('ok');
    expect(await outcome(v1.resendHumanPhoneVerification({ userId }))).toBe('ok');
    expect(await outcome(v1.removeHumanPhone({ userId }))).toBe('ok');
    expect(await outcome(users.lockUser({ userId }))).toBe('ok');
    expect(await outcome(users.deleteUser({ userId }))).toBe('ok');
  });

  test('is ACTIVE after Lock and Unlock; the code has no effect from the lock on', async () => {
    const { userId, url } = await begin();
    await users.lockUser({ userId });
    expect(isTold(await fillPage(url, typed()))).toBe(`422 ${refused}`);
    expect(await outcome(v1.resendHumanInitialization({ userId }))).toBe('FailedPrecondition USER_NOT_INITIAL');
    await users.unlockUser({ userId });
    expect(await readState(server, userId)).toBe(UserState.ACTIVE);
    expect(isTold(await fillPage(url, typed()))).toBe(`422 ${refused}`);
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
    expect(await outcome(users.createInviteCode({ userId }))).toBe('ok');
  });

  test('is made by v1 only', async () => {
    const human = { profile: { givenName: 'a', familyName: 'b' }, email: { email: 'nobody@example.net' } };
    const { userId } = await users.addHumanUser({ ...human, username: unique('v2') });
    const { id } = await users.createUser({
      ...{ organizationId: await homeOf(server), username: unique('v2') },
      userType: { case: 'human', value: human },
    });
    expect([await readState(server, userId), await readState(server, id)]).toEqual([UserState.ACTIVE, UserState.ACTIVE]);
  });
});

test('nobody starts the initialisation anew of one who has more rights', async () => {
  const { userId } = await begin();
  const organizationId = await homeOf(server);
  const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
  const at = new Date(now).toISOString();
  await server.sql`insert into instance_members (user_id, roles, sequence, created_at, changed_at)
    values (${userId}, ${['IAM_OWNER']}, 1, ${at}, ${at})`;
  expect(await outcome(manager.management.resendHumanInitialization({ userId, email: 'evil@example.net' }))).toBe(
    'PermissionDenied HIGHER_RIGHTS',
  );
});
