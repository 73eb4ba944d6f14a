// The older calls, one by one: what they answer in their own shape, and what the newer calls see of it at once.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SendHumanResetPasswordNotificationRequest_Type as ResetType } from '../gen/zitadel/management/v1/management_pb.ts';
import { AccessTokenType, AuthFactorState, Gender } from '../gen/zitadel/user/v1/user_pb.ts';
import { Gender as Gender2, UserState } from '../gen/zitadel/user/v2/user_pb.ts';
import { AuthenticationMethodType } from '../gen/zitadel/user/v2/user_service_pb.ts';
import type { ObjectDetails } from '../gen/zitadel/v1/object_pb.ts';
import { createHuman, createInstanceManager, homeOf, readHuman, readState, tokenFor, unique } from './support/actors.ts';
import { Authenticator } from './support/authenticator.ts';
import { outcome } from './support/errors.ts';
import { codeIn, linkIn, messagesTo, messagesUntilNow } from './support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let home: string;
let login: Clients;

beforeAll(async () => {
  server = await startServer();
  home = await homeOf(server);
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
});

/** Goes on by a second with each test, and with each person: never back, or messages would not be due. */
let now = epoch;
let earlier = epoch;

function tick(): void {
  earlier = now;
  now = new Date(now.getTime() + 1000);
  server.setTime(now);
}

beforeEach(tick);

const phone = '+41446681800';
const password = 'Passw0rd!';

const fresh = () => `${unique('v1')}@example.net`;
let numbers = 0;
const freshNumber = () => `+4144668${1900 + numbers++}`;
const isVerified = { case: 'isVerified', value: true } as const;

/** Whom v2 made, a second ago. */
async function person(human: Parameters<typeof createHuman>[1] = {}): Promise<string> {
  const userId = await createHuman(server, human);
  tick();
  return userId;
}

/** The details of an answer: with their sequence, and the dates that it is to carry. */
function checkDetails(details: ObjectDetails | undefined, dates: { created?: Date; changed?: Date }): void {
  expect(details?.sequence).toBeGreaterThan(0n);
  expect(details?.resourceOwner).toBe(home);
  expect(details?.creationDate && timestampDate(details.creationDate)).toEqual(dates.created);
  expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(dates.changed);
}

const session = async (userId: string, secret: string) =>
  outcome(
    login.sessions.createSession({
      checks: { user: { search: { case: 'userId', value: userId } }, password: { password: secret } },
    }),
  );

describe.each(['grpc', 'connect-json'] as const)('over %s', (protocol) => {
  let v1: Clients['management'];
  let users: Clients['users'];

  beforeAll(() => {
    ({ management: v1, users } = server.as(undefined, { protocol }));
  });

  const named = () => ({
    userName: unique('name'),
    profile: {
      ...{ firstName: 'Grace', lastName: 'Hopper', nickName: 'Amazing Grace', displayName: 'Rear Admiral' },
      ...{ preferredLanguage: 'de', gender: Gender.FEMALE },
    },
    email: { email: fresh(), isEmailVerified: true },
  });

  test('AddHumanUser: active with a verified address and a password, which has to be changed; no mail', async () => {
    const request = { ...named(), phone: { phone, isPhoneVerified: true }, initialPassword: password };
    const { userId, details } = await v1.addHumanUser(request);
    expect(userId).toMatch(/^\d{18}$/);
    checkDetails(details, { created: now });
    expect(await readHuman(server, userId)).toMatchObject({
      state: UserState.ACTIVE,
      username: request.userName,
      profile: {
        ...{ givenName: 'Grace', familyName: 'Hopper', nickName: 'Amazing Grace', displayName: 'Rear Admiral' },
        ...{ preferredLanguage: 'de', gender: Gender2.FEMALE },
      },
      email: { email: request.email.email, isVerified: true },
      phone: { phone, isVerified: true },
      passwordChangeRequired: true,
    });
    expect(await session(userId, password)).toBe('ok');
    expect(await messagesUntilNow(server, request.email.email)).toEqual([]);
  });

  test.each([
    ['without a password', true, undefined],
    ['without a verified address', false, password],
    ['with neither', false, undefined],
  ])('AddHumanUser: INITIAL %s, with a code by mail, and one for the phone', async (_, isEmailVerified, initialPassword) => {
    const email = { email: fresh(), isEmailVerified };
    const number = freshNumber();
    const request = { ...named(), email, phone: { phone: number }, ...(initialPassword && { initialPassword }) };
    const { userId } = await v1.addHumanUser(request);
    expect(await readHuman(server, userId)).toMatchObject({
      state: UserState.INITIAL,
      email: { isVerified: isEmailVerified },
      phone: { phone: number, isVerified: false },
    });
    const mails = await messagesUntilNow(server, email.email);
    expect(mails).toHaveLength(1);
    const link = linkIn(mails[0]);
    expect(`${link.origin}${link.pathname}`).toBe('https://roster.example.com/ui/login/user/init');
    expect(Object.fromEntries(link.searchParams)).toEqual({
      ...{ userID: userId, orgID: home, code: codeIn(mails[0]) },
      passwordset: String(initialPassword !== undefined),
    });
    expect(codeIn(mails[0])).toMatch(/^[A-Z0-9]{6}$/);
    expect(await messagesUntilNow(server, number)).toHaveLength(1);
  });

  test('ImportHumanUser: who may sign in is active, and found at once', async () => {
    const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
    const { userId, details, passwordlessRegistration } = await v1.importHumanUser({
      ...{ ...named(), hashedPassword: { value: hash }, passwordChangeRequired: true, otpCode: 'ignored' },
      recoveryCodes: [{ codeType: { case: 'raw', value: 'abc' } }, { codeType: { case: 'hash', value: hash } }],
    });
    checkDetails(details, { created: now });
    expect(passwordlessRegistration).toBeUndefined();
    const { state, passwordChangeRequired } = await readHuman(server, userId);
    expect([state, passwordChangeRequired]).toEqual([UserState.ACTIVE, false]);
    expect((await users.listAuthenticationMethodTypes({ userId })).authMethodTypes).toEqual([AuthenticationMethodType.PASSWORD]);
    const plain = await v1.importHumanUser({ ...named(), password, passwordChangeRequired: true });
    expect(await readHuman(server, plain.userId)).toMatchObject({ state: UserState.ACTIVE, passwordChangeRequired: true });
    expect(await session(plain.userId, password)).toBe('ok');
  });

  test('ImportHumanUser: a registration link works at once, for an hour, without a mail', async () => {
    const request = { ...named(), requestPasswordlessRegistration: true };
    const { userId, passwordlessRegistration: registration } = await v1.importHumanUser(request);
    expect(await readState(server, userId)).toBe(UserState.ACTIVE);
    expect([registration?.lifetime?.seconds, registration?.expiration?.seconds]).toEqual([3600n, 3600n]);
    expect(await registerBy(registration?.link ?? '', userId)).toBe('ok');
    expect(await messagesUntilNow(server, request.email.email)).toEqual([]);
  });

  test('ImportHumanUser: INITIAL who could not sign in, or whose address is not verified', async () => {
    const email = { email: fresh(), isEmailVerified: false };
    const { userId } = await v1.importHumanUser({ ...named(), email, password });
    const bare = await v1.importHumanUser(named());
    expect([await readState(server, userId), await readState(server, bare.userId)]).toEqual([
      UserState.INITIAL,
      UserState.INITIAL,
    ]);
    expect(linkIn((await messagesTo(server, email.email))[0]).pathname).toBe('/ui/login/user/init');
  });

  test('ImportHumanUser: active with a link to a provider, and a code for the address', async () => {
    const { id: configId } = await v1.addGitHubProvider({
      ...{ clientId: 'a', clientSecret: 'b', name: unique('hub'), providerOptions: { isAutoCreation: true } },
    });
    const email = { email: fresh(), isEmailVerified: false };
    const idps = [{ configId, externalUserId: unique('external'), displayName: '' }];
    const { userId } = await v1.importHumanUser({ ...named(), email, idps });
    expect(await readState(server, userId)).toBe(UserState.ACTIVE);
    const { result } = await users.listIDPLinks({ userId });
    expect(result).toMatchObject([{ idpId: configId, userId: idps[0]?.externalUserId, userName: '' }]);
    const [mail] = await messagesTo(server, email.email);
    expect(linkIn(mail).pathname).toBe('/ui/login/mail/verification');
    expect(await outcome(users.verifyEmail({ userId, verificationCode: codeIn(mail) }))).toBe('ok');
  });

  test('a language that does not parse is stored as "und"', async () => {
    const { profile } = named();
    const { userId } = await v1.importHumanUser({ ...named(), profile: { ...profile, preferredLanguage: 'no tongue' } });
    expect((await v1.getHumanProfile({ userId })).profile?.preferredLanguage).toBe('und');
    await v1.updateHumanProfile({ ...profile, userId, preferredLanguage: 'de' });
    await v1.updateHumanProfile({ ...profile, userId, preferredLanguage: 'still none' });
    expect((await readHuman(server, userId)).profile.preferredLanguage).toBe('und');
  });

  test('AddMachineUser: active, under the id and the name it was given', async () => {
    const machine = { name: 'Nightly', description: 'Imports', accessTokenType: AccessTokenType.JWT };
    const { userId, details } = await v1.addMachineUser({ ...machine, userId: unique('machine'), userName: unique('robot') });
    checkDetails(details, { created: now });
    const { user } = await users.getUserByID({ userId });
    expect(user).toMatchObject({ state: UserState.ACTIVE, type: { case: 'machine', value: machine } });
    const generated = await v1.addMachineUser({ ...machine, userName: unique('robot') });
    expect(generated.userId).toMatch(/^\d{18}$/);
    expect(await outcome(server.as(await tokenFor(server, generated.userId)).users.listUsers({}))).toBe('ok');
  });

  test('GetHumanProfile, GetHumanEmail, GetHumanPhone: what v2 wrote, with both dates', async () => {
    const email = fresh();
    const userId = await person({
      profile: {
        givenName: 'Ada',
        familyName: 'Lovelace',
        nickName: 'Countess',
        preferredLanguage: 'en',
        gender: Gender2.DIVERSE,
      },
      email: { email, verification: isVerified },
    });
    const read = await v1.getHumanProfile({ userId });
    expect(read.profile).toMatchObject({
      ...{ firstName: 'Ada', lastName: 'Lovelace', nickName: 'Countess', displayName: 'Ada Lovelace' },
      ...{ preferredLanguage: 'en', gender: Gender.DIVERSE, avatarUrl: '' },
    });
    const address = await v1.getHumanEmail({ userId });
    expect(address.email).toMatchObject({ email, isEmailVerified: true });
    const none = await v1.getHumanPhone({ userId });
    expect(none.phone).toMatchObject({ phone: '', isPhoneVerified: false });
    for (const { details } of [read, address, none]) checkDetails(details, { created: earlier, changed: earlier });
    await users.setPhone({ userId, phone, verification: isVerified });
    const { details, phone: number } = await v1.getHumanPhone({ userId });
    expect(number).toMatchObject({ phone, isPhoneVerified: true });
    checkDetails(details, { created: earlier, changed: now });
  });

  test('UpdateHumanProfile: replaces all, an empty nick name too', async () => {
    const userId = await person({ profile: { givenName: 'Ada', familyName: 'Lovelace', nickName: 'Countess' } });
    const profile = {
      firstName: ' Augusta ',
      lastName: 'King',
      displayName: 'A. King',
      preferredLanguage: 'it',
      gender: Gender.MALE,
    };
    const { details } = await v1.updateHumanProfile({ userId, ...profile });
    checkDetails(details, { changed: now });
    expect((await readHuman(server, userId)).profile).toMatchObject({
      ...{ givenName: 'Augusta', familyName: 'King', nickName: '', displayName: 'A. King', preferredLanguage: 'it' },
      gender: Gender2.MALE,
    });
  });

  test('UpdateHumanEmail: another address, verified or with a code by mail; the same, once it is verified', async () => {
    const userId = await person();
    const email = fresh();
    checkDetails((await v1.updateHumanEmail({ userId, email })).details, { changed: now });
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: false });
    const verificationCode = codeIn((await messagesTo(server, email))[0]);
    await v1.updateHumanEmail({ userId, email, isEmailVerified: true });
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: true });
    expect(await outcome(users.verifyEmail({ userId, verificationCode }))).toBe('InvalidArgument CODE_INVALID');
    const next = fresh();
    await v1.updateHumanEmail({ userId, email: next, isEmailVerified: true });
    expect((await readHuman(server, userId)).email).toMatchObject({ email: next, isVerified: true });
    expect(await messagesUntilNow(server, next)).toEqual([]);
  });

  test('ResendHumanEmailVerification: a new code, and the one before is dead', async () => {
    const email = fresh();
    const userId = await person({ email: { email } });
    checkDetails((await v1.resendHumanEmailVerification({ userId })).details, { changed: now });
    const [first, second] = (await messagesTo(server, email, 2)).map(codeIn);
    expect(await outcome(users.verifyEmail({ userId, verificationCode: first ?? '' }))).toBe('InvalidArgument CODE_INVALID');
    expect(await outcome(users.verifyEmail({ userId, verificationCode: second ?? '' }))).toBe('ok');
  });

  test('UpdateHumanPhone, ResendHumanPhoneVerification, RemoveHumanPhone', async () => {
    const userId = await person();
    checkDetails((await v1.updateHumanPhone({ userId, phone: '+41 44 668 18 01' })).details, { changed: now });
    expect((await readHuman(server, userId)).phone).toMatchObject({ phone: '+41446681801', isVerified: false });
    checkDetails((await v1.resendHumanPhoneVerification({ userId })).details, { changed: now });
    const code = codeIn((await messagesUntilNow(server, '+41446681801')).at(-1));
    expect(await outcome(users.verifyPhone({ userId, verificationCode: code }))).toBe('ok');
    await v1.updateHumanPhone({ userId, phone: '+41446681802' });
    await v1.updateHumanPhone({ userId, phone: '+41446681802', isPhoneVerified: true });
    expect((await readHuman(server, userId)).phone).toMatchObject({ phone: '+41446681802', isVerified: true });
    await users.addOTPSMS({ userId });
    checkDetails((await v1.removeHumanPhone({ userId })).details, { changed: now });
    expect((await readHuman(server, userId)).phone.phone).toBe('');
    expect((await v1.listHumanAuthFactors({ userId })).result).toEqual([]);
  });

  test('SetHumanInitialPassword, SetHumanPassword: whether it has to be changed; a reset under way is over', async () => {
    const userId = await person();
    checkDetails((await v1.setHumanInitialPassword({ userId, password })).details, { changed: now });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(true);
    expect(await session(userId, password)).toBe('ok');
    const { verificationCode = '' } = await users.passwordReset({ userId, medium: { case: 'returnCode', value: {} } });
    checkDetails((await v1.setHumanPassword({ userId, password: 'An0ther!One', noChangeRequired: true })).details, {
      changed: now,
    });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(false);
    expect([await session(userId, password), await session(userId, 'An0ther!One')]).toEqual([
      'InvalidArgument PASSWORD_WRONG',
      'ok',
    ]);
    const stale = users.setPassword({
      ...{ userId, newPassword: { password }, verification: { case: 'verificationCode', value: verificationCode } },
    });
    expect(await outcome(stale)).toBe('FailedPrecondition CODE_ABSENT');
    await v1.setHumanPassword({ userId, password });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(true);
  });

  test('SetHumanPassword: wrong tries are forgotten', async () => {
    const userId = await person({ passwordType: { case: 'password', value: { password } } });
    for (let wrong = 0; wrong < 5; wrong++) await session(userId, 'Wr0ng!pass');
    expect(await session(userId, password)).toBe('ResourceExhausted TRIED_TOO_OFTEN');
    await v1.setHumanPassword({ userId, password: 'An0ther!One' });
    expect(await session(userId, 'An0ther!One')).toBe('ok');
  });

  test('SendHumanResetPasswordNotification: by mail or by SMS', async () => {
    const email = fresh();
    const number = freshNumber();
    const userId = await person({
      email: { email, verification: isVerified },
      phone: { phone: number, verification: isVerified },
    });
    checkDetails((await v1.sendHumanResetPasswordNotification({ userId })).details, { changed: now });
    expect(linkIn((await messagesTo(server, email))[0]).pathname).toBe('/ui/login/password/init');
    await v1.sendHumanResetPasswordNotification({ userId, type: ResetType.SMS });
    const value = codeIn((await messagesTo(server, number))[0]);
    const reset = users.setPassword({ userId, newPassword: { password }, verification: { case: 'verificationCode', value } });
    expect(await outcome(reset)).toBe('ok');
  });

  test('factors: those that are ready are listed, and each can be removed', async () => {
    const userId = await person({ totpSecret: 'JBSWY3DPEHPK3PXP', phone: { phone, verification: isVerified } });
    await users.addOTPSMS({ userId });
    await users.addOTPEmail({ userId });
    const key = await registered(userId, 'u2f');
    const passkey = await registered(userId, 'passkey');
    const pending = await users.registerU2F({ userId, domain: '' });
    const state = AuthFactorState.READY;
    expect((await v1.listHumanAuthFactors({ userId })).result).toMatchObject([
      { state, type: { case: 'otp' } },
      { state, type: { case: 'u2f', value: { id: key, name: 'Key' } } },
      { state, type: { case: 'otpSms' } },
      { state, type: { case: 'otpEmail' } },
    ]);
    expect((await v1.listHumanPasswordless({ userId })).result).toMatchObject([{ id: passkey, state, name: 'Key' }]);
    for (const removal of [
      v1.removeHumanAuthFactorOTP({ userId }),
      v1.removeHumanAuthFactorU2F({ userId, tokenId: key }),
      v1.removeHumanAuthFactorU2F({ userId, tokenId: pending.u2fId }),
      v1.removeHumanAuthFactorOTPSMS({ userId }),
      v1.removeHumanAuthFactorOTPEmail({ userId }),
      v1.removeHumanPasswordless({ userId, tokenId: passkey }),
    ]) {
      checkDetails((await removal).details, { changed: now });
    }
    expect((await users.listAuthenticationMethodTypes({ userId })).authMethodTypes).toEqual([]);
  });

  test('AddPasswordlessRegistration, SendPasswordlessRegistration: a link in the answer, or by mail', async () => {
    const email = fresh();
    const userId = await person({ email: { email, verification: isVerified } });
    const { details, link, expiration } = await v1.addPasswordlessRegistration({ userId });
    checkDetails(details, { created: now });
    expect(expiration?.seconds).toBe(3600n);
    expect(await registerBy(link, userId)).toBe('ok');
    expect(await messagesUntilNow(server, email)).toEqual([]);
    checkDetails((await v1.sendPasswordlessRegistration({ userId })).details, { created: now });
    expect(await registerBy(linkIn((await messagesTo(server, email))[0]).href, userId)).toBe('ok');
  });

  /** Adds a credential; returns its id. */
  async function registered(userId: string, kind: 'u2f' | 'passkey'): Promise<string> {
    const authenticator = new Authenticator();
    if (kind === 'u2f') {
      const { u2fId, publicKeyCredentialCreationOptions: options } = await users.registerU2F({ userId, domain: '' });
      const publicKeyCredential = answerOf(authenticator, options);
      await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: 'Key' });
      return u2fId;
    }
    const { passkeyId, publicKeyCredentialCreationOptions: options } = await users.registerPasskey({ userId });
    const publicKeyCredential = answerOf(authenticator, options);
    await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Key' });
    return passkeyId;
  }
});

const answerOf = (authenticator: Authenticator, options: JsonObject | undefined): JsonObject =>
  authenticator.register({ publicKey: objectOf(options?.publicKey) }, 'https://roster.example.com');

const objectOf = (json: JsonValue | undefined): JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};

/** What becomes of beginning a registration with what a link holds. */
function registerBy(href: string, userId: string): Promise<string> {
  const { origin, pathname, searchParams } = new URL(href);
  expect(`${origin}${pathname}`).toBe('https://roster.example.com/ui/login/login/passwordless/init');
  expect([searchParams.get('userID'), searchParams.get('orgID')]).toEqual([userId, home]);
  const [id = '', code = ''] = [searchParams.get('codeID'), searchParams.get('code')].map((value) => value ?? '');
  expect(code).toMatch(/^[a-zA-Z0-9]{12}$/);
  return outcome(server.as().users.registerPasskey({ userId, code: { id, code } }));
}

test('ImportHumanUser: ten of them, each found by the very next call', async () => {
  const { management, users } = server.as();
  for (let nth = 0; nth < 10; nth++) {
    const { userId } = await management.importHumanUser({
      ...{ userName: unique('ten'), profile: { firstName: 'a', lastName: 'b' }, email: { email: fresh() } },
    });
    expect(await outcome(users.getUserByID({ userId }))).toBe('ok');
  }
});
