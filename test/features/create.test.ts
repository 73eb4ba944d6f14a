import { timestampDate } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import { beforeAll, describe, expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { AccessTokenType, Gender, UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import type {
  AddHumanUserRequestSchema,
  AddHumanUserResponse,
  CreateUserRequest_HumanSchema,
  CreateUserRequest_MachineSchema,
  CreateUserRequestSchema,
} from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { keyedHash } from '../../src/kernel/crypto/keys.ts';
import { open } from '../../src/kernel/crypto/seal.ts';
import {
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  homeOf,
  type Plain,
  readHuman,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo, messagesUntilNow } from '../support/outbox.ts';
import { createProvider } from '../support/providers.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Clients['users'];
let home: string;

beforeAll(async () => {
  server = await startServer();
  ({ users } = server.as());
  home = await homeOf(server);
});

type AddRequest = Plain<typeof AddHumanUserRequestSchema>;
type CreateRequest = Plain<typeof CreateUserRequestSchema>;
type CreateHuman = Plain<typeof CreateUserRequest_HumanSchema>;
type CreateMachine = Plain<typeof CreateUserRequest_MachineSchema>;

const profile = { givenName: 'Ada', familyName: 'Lovelace' };
const verified = { case: 'isVerified', value: true } as const;
const returned = { case: 'returnCode', value: {} } as const;
const number = () => `+4179${unique('').padStart(7, '0')}`;
const address = () => `${unique('someone')}@example.net`;

const addHuman = (request: AddRequest, as = users) =>
  as.addHumanUser({ profile, email: { email: address(), verification: verified }, ...request });

const createUser = (human: CreateHuman, request: CreateRequest = {}, as = users) =>
  as.createUser({
    organizationId: home,
    userType: { case: 'human', value: { profile, email: { email: address(), verification: verified }, ...human } },
    ...request,
  });

const createBot = (machine: CreateMachine, request: CreateRequest = {}, as = users) =>
  as.createUser({ organizationId: home, userType: { case: 'machine', value: { name: 'Bot', ...machine } }, ...request });

/** The same person by either call. */
const ways = [
  [
    'AddHumanUser',
    (human: CreateHuman & AddRequest, request: { userId?: string; username?: string } = {}) => addHuman({ ...human, ...request }),
  ],
  [
    'CreateUser',
    async (human: CreateHuman & AddRequest, request: { userId?: string; username?: string } = {}) => {
      const { metadata, ...rest } = human;
      const { id, emailCode, phoneCode } = await createUser(rest, { ...request, ...(metadata && { metadata }) });
      return { userId: id, emailCode, phoneCode };
    },
  ],
] as const;

const codesOf = (userId: string) =>
  server.sql<{ purpose: string; hash: Buffer }[]>`select purpose, hash from codes where user_id = ${userId} order by purpose`;

describe('what is created', () => {
  test('by AddHumanUser is there at once, as given', async () => {
    const email = address();
    const { userId, details, emailCode, phoneCode } = await addHuman({
      username: '  Ada.of.Home ',
      profile: {
        givenName: ' Ada ',
        familyName: 'Lovelace ',
        nickName: 'Countess',
        displayName: 'Ada L.',
        preferredLanguage: 'EN-gb',
        gender: Gender.FEMALE,
      },
      email: { email, verification: verified },
      phone: { phone: '079 123 45 67', verification: verified },
    });
    expect(userId).toMatch(/^\d{18}$/);
    expect([emailCode, phoneCode]).toEqual([undefined, undefined]);
    expect(details?.creationDate).toBeUndefined();
    expect(details?.resourceOwner).toBe(home);
    const user = await readHuman(server, userId);
    expect(user).toMatchObject({
      state: UserState.ACTIVE,
      username: 'Ada.of.Home',
      loginNames: ['Ada.of.Home'],
      profile: {
        givenName: 'Ada',
        familyName: 'Lovelace',
        nickName: 'Countess',
        displayName: 'Ada L.',
        preferredLanguage: 'en-GB',
        gender: Gender.FEMALE,
      },
      email: { email, isVerified: true },
      phone: { phone: '+41791234567', isVerified: true },
      passwordChangeRequired: false,
    });
    expect(user.passwordChanged).toBeUndefined();
    expect(user.details).toEqual({ ...details, creationDate: details?.changeDate });
    expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(epoch);
  });

  test('has a username, a display name, a language and an empty phone by default', async () => {
    const email = address();
    const { userId } = await addHuman({ email: { email, verification: verified }, phone: { phone: '', verification: verified } });
    const user = await readHuman(server, userId);
    expect(user.username).toBe(email);
    expect(user.profile).toMatchObject({
      displayName: 'Ada Lovelace',
      nickName: '',
      preferredLanguage: 'und',
      gender: Gender.UNSPECIFIED,
    });
    expect(user.phone).toMatchObject({ phone: '', isVerified: false });
  });

  test.each(['not a tag', '', 'und'])('has no language when "%s" is given', async (preferredLanguage) => {
    const { userId } = await addHuman({ profile: { ...profile, preferredLanguage } });
    expect((await readHuman(server, userId)).profile.preferredLanguage).toBe('und');
  });

  test('by CreateUser tells its id and date', async () => {
    const { id, creationDate } = await createUser({}, { userId: 'an id, as it is / ö' });
    expect(id).toBe('an id, as it is / ö');
    expect(creationDate && timestampDate(creationDate)).toEqual(epoch);
    expect((await readHuman(server, id)).details.creationDate).toEqual(creationDate);
  });

  test('can be a machine, named after its id unless told otherwise', async () => {
    const { id } = await createBot({ name: 'Bot', description: 'cleans up', accessTokenType: AccessTokenType.JWT });
    const { user } = await users.getUserByID({ userId: id });
    expect(user).toMatchObject({ userId: id, username: id, loginNames: [id], preferredLoginName: id, state: UserState.ACTIVE });
    expect(user?.type).toMatchObject({
      case: 'machine',
      value: { name: 'Bot', description: 'cleans up', accessTokenType: AccessTokenType.JWT, hasSecret: false },
    });
    const { id: named } = await createBot({}, { userId: 'bot-7', username: 'the.bot' });
    expect((await users.getUserByID({ userId: named })).user).toMatchObject({ userId: 'bot-7', username: 'the.bot' });
    const { id: plain } = await createBot({}, { userId: 'bot-8' });
    expect((await users.getUserByID({ userId: plain })).user?.username).toBe('bot-8');
  });

  test('shows in the list at once', async () => {
    const { userId } = await addHuman({});
    const { result } = await users.listUsers({ queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } }] });
    expect(result.map((user) => user.userId)).toEqual([userId]);
  });

  test('counts every step in its sequence, and its history holds no values', async () => {
    const { userId, details } = await addHuman({
      username: 'history@example.net',
      phone: { phone: '+41791110000' },
      email: { email: 'history@example.net' },
      metadata: [{ key: 'colour', value: Buffer.from('ultramarine') }],
      passwordType: { case: 'password', value: { password: 'Sequence1!' } },
      totpSecret: 'JBSWY3DPEHPK3PXP',
    });
    const history = await server.sql`select * from user_events where user_id = ${userId} order by sequence`;
    expect(history.map(({ type }) => type)).toEqual([
      'user.created',
      'metadata.set',
      'password.changed',
      'totp.added',
      'email.code.created',
      'phone.code.created',
    ]);
    expect(history.map(({ sequence }) => Number(sequence))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(details?.sequence).toBe(6n);
    const written = JSON.stringify(history);
    for (const value of ['history@', 'Ada', 'Lovelace', '7911', 'ultramarine', 'Sequence1', 'JBSWY', '$argon2'])
      expect(written).not.toContain(value);
  });
});

describe.each(ways)('the e-mail of a new person (%s)', (_, create) => {
  test('gets a code by mail, with a link to the public URL, when nothing is chosen', async () => {
    const email = address();
    const { userId, emailCode } = await create({ email: { email } });
    expect(emailCode).toBeUndefined();
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: false });
    const [mail] = await messagesTo(server, email);
    const link = linkIn(mail);
    expect(link.origin).toBe('https://roster.example.com');
    expect(Object.fromEntries(link.searchParams)).toMatchObject({ userID: userId, orgID: home, code: codeIn(mail) });
    expect(codeIn(mail)).toMatch(/^[A-Z0-9]{6}$/);
  });

  test('gets a code by mail, with the link of the template', async () => {
    const email = address();
    const urlTemplate = 'https://app.example.org/v?u={{.UserID}}&c={{.Code}}&o={{.OrgID}}';
    const { userId, emailCode } = await create({ email: { email, verification: { case: 'sendCode', value: { urlTemplate } } } });
    expect(emailCode).toBeUndefined();
    const [mail] = await messagesTo(server, email);
    expect(linkIn(mail).href).toBe(`https://app.example.org/v?u=${userId}&c=${codeIn(mail)}&o=${home}`);
  });

  test('gets a code that only the caller sees', async () => {
    const email = address();
    const { userId, emailCode } = await create({ email: { email, verification: returned } });
    expect(emailCode).toMatch(/^[A-Z0-9]{6}$/);
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
    expect(await messagesUntilNow(server, email)).toEqual([]);
  });

  test('is verified without a code', async () => {
    const email = address();
    const { userId, emailCode } = await create({ email: { email, verification: verified } });
    expect(emailCode).toBeUndefined();
    expect((await readHuman(server, userId)).email.isVerified).toBe(true);
    expect(await codesOf(userId)).toEqual([]);
    expect(await messagesUntilNow(server, email)).toEqual([]);
  });

  test('stays unverified, with neither code nor mail, when that is chosen', async () => {
    const email = address();
    const { userId, emailCode } = await create({ email: { email, verification: { case: 'isVerified', value: false } } });
    expect(emailCode).toBeUndefined();
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
    expect(await codesOf(userId)).toEqual([]);
    expect(await messagesUntilNow(server, email)).toEqual([]);
  });
});

describe.each(ways)('the phone of a new person (%s)', (_, create) => {
  test('gets a code by SMS, when nothing or that is chosen', async () => {
    for (const verification of [undefined, { case: 'sendCode', value: {} } as const]) {
      const phone = number();
      const { userId, phoneCode } = await create({ phone: { phone, ...(verification && { verification }) } });
      expect(phoneCode).toBeUndefined();
      expect((await readHuman(server, userId)).phone).toMatchObject({ phone, isVerified: false });
      expect(codeIn((await messagesTo(server, phone)).at(-1))).toMatch(/^[A-Z0-9]{6}$/);
    }
  });

  test('gets a code that only the caller sees', async () => {
    const phone = number();
    const { userId, phoneCode } = await create({ phone: { phone, verification: returned } });
    expect(phoneCode).toMatch(/^[A-Z0-9]{6}$/);
    expect((await readHuman(server, userId)).phone).toMatchObject({ phone, isVerified: false });
    expect(await messagesUntilNow(server, phone)).toEqual([]);
  });

  test('is verified without a code', async () => {
    const phone = number();
    const { userId, phoneCode } = await create({ phone: { phone, verification: verified } });
    expect(phoneCode).toBeUndefined();
    expect((await readHuman(server, userId)).phone).toMatchObject({ phone, isVerified: true });
    expect(await codesOf(userId)).toEqual([]);
    expect(await messagesUntilNow(server, phone)).toEqual([]);
  });
});

test('codes are stored as keyed hashes bound to user and purpose, and nowhere else', async () => {
  const {
    userId,
    emailCode = '',
    phoneCode = '',
  } = await addHuman({
    email: { email: address(), verification: returned },
    phone: { phone: '+41791234567', verification: returned },
  });
  const hash = (purpose: string, code: string) => keyedHash(server.app.keys.code, JSON.stringify([userId, purpose, code]));
  const stored = await codesOf(userId);
  expect(stored.map(({ purpose }) => purpose)).toEqual(['email', 'phone']);
  expect(stored.map((row) => row.hash.toString('hex'))).toEqual(
    [hash('email', emailCode), hash('phone', phoneCode)].map((h) => h.toString('hex')),
  );
  const everything = JSON.stringify([
    await server.sql`select * from user_events where user_id = ${userId}`,
    await server.sql`select * from users where id = ${userId}`,
    await server.sql`select * from codes where user_id = ${userId}`,
  ]);
  expect(everything).not.toContain(emailCode);
  expect(everything).not.toContain(phoneCode);
});

describe.each(ways)('the password of a new person (%s)', (_, create) => {
  test('is stored as argon2id, from now on, to be changed if so asked', async () => {
    const password = 'Correct-horse-1';
    const { userId } = await create({ passwordType: { case: 'password', value: { password, changeRequired: true } } });
    const user = await readHuman(server, userId);
    expect(user.passwordChangeRequired).toBe(true);
    expect(user.passwordChanged && timestampDate(user.passwordChanged)).toEqual(epoch);
    const [row] = await server.sql<{ hash: string }[]>`select hash from user_passwords where user_id = ${userId}`;
    expect(row?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test('may be the hash of another system, of a password that follows no rule', async () => {
    // The word "password", hashed by bcrypt; a published test vector of PHP.
    const hash = '$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi';
    const { userId } = await create({ passwordType: { case: 'hashedPassword', value: { hash } } });
    const user = await readHuman(server, userId);
    expect(user.passwordChangeRequired).toBe(false);
    expect(user.passwordChanged && timestampDate(user.passwordChanged)).toEqual(epoch);
    const current = {
      passwordType: { case: 'password', value: { password: 'Another-one-2' } },
      verification: { case: 'currentPassword', value: 'password' },
    } as const;
    expect(await outcome(users.updateHumanUser({ userId, password: current }))).toBe('ok');
  });

  test.each([
    ['Sh0rt!', 'PASSWORD_TOO_SHORT'],
    ['short', 'PASSWORD_TOO_SHORT'],
    ['ALLCAPITALS', 'PASSWORD_NEEDS_LOWER'],
    ['nocapitals', 'PASSWORD_NEEDS_UPPER'],
    ['NoDigitsHere', 'PASSWORD_NEEDS_DIGIT'],
    ['NoSymbols123', 'PASSWORD_NEEDS_SYMBOL'],
    ['äöü', 'PASSWORD_TOO_SHORT'],
    ['ÄÖÜäöü', 'PASSWORD_NEEDS_LOWER'],
  ])('%s is refused', async (password, reason) => {
    expect(await outcome(create({ passwordType: { case: 'password', value: { password } } }))).toBe(`InvalidArgument ${reason}`);
  });

  test.each(['aA1ö____', 'Aa1 aaaa', 'Aa1öö€'])('%s is accepted', async (password) => {
    expect(await outcome(create({ passwordType: { case: 'password', value: { password } } }))).toBe('ok');
  });

  test.each([
    'password',
    '$2y$31$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi',
    '$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
  ])('the hash %s is refused', async (hash) => {
    expect(await outcome(create({ passwordType: { case: 'hashedPassword', value: { hash } } }))).toBe(
      'InvalidArgument PASSWORD_HASH_UNKNOWN',
    );
  });
});

describe.each(ways)('the TOTP secret of a new person (%s)', (_, create) => {
  test.each(['JBSWY3DPEHPK3PXP', 'jbswy3dpehpk3pxp', 'MFRGG===', 'secret'])(
    '%s is a factor at once, sealed at rest',
    async (totpSecret) => {
      const { userId } = await create({ totpSecret });
      const [row] = await server.sql<
        { secret: Buffer; ready: boolean }[]
      >`select secret, ready from totps where user_id = ${userId}`;
      expect(row?.ready).toBe(true);
      const plain = totpSecret.replaceAll('=', '').toUpperCase();
      expect(row && open(server.app.keys.seal, `totp/${userId}`, row.secret)).toBe(plain);
      expect(row?.secret.includes(Buffer.from(plain))).toBe(false);
    },
  );

  test.each(['not base32!', '01189998', 'MF=RGG'])('%s is refused', async (totpSecret) => {
    expect(await outcome(create({ totpSecret }))).toBe('InvalidArgument TOTP_SECRET_INVALID');
  });
});

describe('metadata', () => {
  const entry = { key: 'shoe size', value: Buffer.from([0, 255]) };
  const entriesOf = async (userId: string) =>
    (await users.listUserMetadata({ userId })).metadata.map(({ key, value }) => [key, [...value]]);

  test('stands in the request', async () => {
    const { userId } = await addHuman({ metadata: [entry] });
    expect(await entriesOf(userId)).toEqual([['shoe size', [0, 255]]]);
    const { id } = await createUser({}, { metadata: [entry] });
    expect(await entriesOf(id)).toEqual([['shoe size', [0, 255]]]);
    const { id: machine } = await createBot({}, { metadata: [entry] });
    expect(await entriesOf(machine)).toEqual([['shoe size', [0, 255]]]);
  });

  test('stands in its old place, or in the new one, never in both', async () => {
    const { id } = await createUser({ metadata: [entry] });
    expect(await entriesOf(id)).toEqual([['shoe size', [0, 255]]]);
    expect(await outcome(createUser({ metadata: [entry] }, { metadata: [entry] }))).toBe('InvalidArgument METADATA_TWICE');
  });

  test('needs a key and a value', async () => {
    expect(await outcome(createUser({}, { metadata: [entry, { key: ' \t', value: Buffer.from('x') }] }))).toBe(
      'InvalidArgument METADATA_KEY_BLANK',
    );
    expect(await outcome(addHuman({ metadata: [{ key: '\u3000', value: Buffer.from('x') }] }))).toBe(
      'InvalidArgument METADATA_KEY_BLANK',
    );
    const empty = { key: 'empty', value: Buffer.alloc(0) };
    expect(await outcome(createUser({}, { metadata: [empty] }))).toBe('InvalidArgument METADATA_VALUE_EMPTY');
    expect(await brokenFields(createBot({}, { metadata: [entry, empty] }))).toEqual(['metadata[1].value']);
    expect(await outcome(addHuman({ metadata: [empty] }))).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe('a request that breaks a rule', () => {
  const long = 'x'.repeat(201);

  test.each<[string, AddRequest]>([
    ['user_id', { userId: '' }],
    ['user_id', { userId: long }],
    ['username', { username: '' }],
    ['username', { username: long }],
    ['profile.given_name', { profile: { ...profile, givenName: '' } }],
    ['profile.family_name', { profile: { ...profile, familyName: long } }],
    ['profile.nick_name', { profile: { ...profile, nickName: long } }],
    ['profile.display_name', { profile: { ...profile, displayName: long } }],
    ['profile.preferred_language', { profile: { ...profile, preferredLanguage: 'x'.repeat(11) } }],
    ['email.email', { email: { email: '' } }],
    ['email.email', { email: { email: 'no address' } }],
    ['email.email', { email: { email: `${'x'.repeat(200)}@example.net` } }],
    [
      'email.send_code.url_template',
      { email: { email: 'a@example.net', verification: { case: 'sendCode', value: { urlTemplate: '' } } } },
    ],
    ['phone.phone', { phone: { phone: long } }],
    ['phone.is_verified', { phone: { phone: '+41791234567', verification: { case: 'isVerified', value: false } } }],
    ['metadata[0].key', { metadata: [{ key: '', value: Buffer.from('x') }] }],
    ['metadata[0].value', { metadata: [{ key: 'k', value: Buffer.alloc(500_001) }] }],
    ['password.password', { passwordType: { case: 'password', value: { password: '' } } }],
    ['password.password', { passwordType: { case: 'password', value: { password: long } } }],
    ['hashed_password.hash', { passwordType: { case: 'hashedPassword', value: { hash: '' } } }],
    ['idp_links[0].idp_id', { idpLinks: [{ idpId: '', userId: 'u', userName: 'n' }] }],
    ['totp_secret', { totpSecret: '' }],
    ['profile.nick_name', { profile: { ...profile, nickName: 'a\0b' } }],
    ['user_id', { userId: '\0' }],
  ])('is refused for %s (AddHumanUser)', async (field, request) => {
    const call = () => addHuman(request);
    expect(await outcome(call())).toBe('InvalidArgument INVALID_REQUEST');
    expect(new Set(await brokenFields(call()))).toEqual(new Set([field]));
  });

  test.each<[string, () => Promise<unknown>]>([
    ['organization_id', () => createUser({}, { organizationId: '' })],
    ['organization_id', () => createUser({}, { organizationId: long })],
    ['user_type', () => users.createUser({ organizationId: home })],
    [
      'human.profile',
      () => users.createUser({ organizationId: home, userType: { case: 'human', value: { email: { email: 'a@example.net' } } } }),
    ],
    ['human.email', () => users.createUser({ organizationId: home, userType: { case: 'human', value: { profile } } })],
    ['profile', () => users.addHumanUser({ email: { email: 'a@example.net' } })],
    ['email', () => users.addHumanUser({ profile })],
    ['human.profile.given_name', () => createUser({ profile: { ...profile, givenName: '' } })],
    ['machine.name', () => createBot({ name: '' })],
    ['machine.name', () => createBot({ name: long })],
    ['machine.description', () => createBot({ description: '' })],
    ['machine.description', () => createBot({ description: 'x'.repeat(501) })],
    ['metadata[0].key', () => createBot({}, { metadata: [{ key: long, value: Buffer.from('x') }] })],
  ])('is refused for %s', async (field, call) => {
    expect(await outcome(call())).toBe('InvalidArgument INVALID_REQUEST');
    expect(await brokenFields(call())).toEqual([field]);
  });

  test('tells all broken fields at once, up to a number that every client can take', async () => {
    expect(await brokenFields(addHuman({ username: '', profile: { givenName: '', familyName: '' } }))).toEqual([
      'username',
      'profile.given_name',
      'profile.family_name',
    ]);
    expect(await brokenFields(addHuman({ metadata: Array.from({ length: 5000 }, () => ({ key: 'k' })) }))).toHaveLength(50);
  });

  test('counts characters, not their parts', async () => {
    expect(await outcome(addHuman({ profile: { ...profile, nickName: '🂡'.repeat(200) } }))).toBe('ok');
    expect(await outcome(addHuman({ profile: { ...profile, nickName: '🂡'.repeat(201) } }))).toBe(
      'InvalidArgument INVALID_REQUEST',
    );
  });

  test.each([
    [
      'URL_TEMPLATE_INVALID',
      'email.send_code.url_template',
      { email: { email: 'a@example.net', verification: { case: 'sendCode', value: { urlTemplate: 'http://evil.example/' } } } },
    ],
    ['EMAIL_INVALID', 'email.email', { email: { email: `${'x'.repeat(65)}@example.net` } }],
    ['NAME_BLANK', 'profile.given_name', { profile: { ...profile, givenName: ' \u00a0' } }],
    ['NAME_BLANK', 'profile.family_name', { profile: { ...profile, familyName: '\t' } }],
    ['PHONE_INVALID', 'phone.phone', { phone: { phone: 'not a number' } }],
    ['PHONE_INVALID', 'phone.phone', { phone: { phone: '+41791' } }],
    ['PHONE_INVALID', 'phone.phone', { phone: { phone: '+41791234567 ext. 9' } }],
    ['PASSWORD_HASH_UNKNOWN', 'hashed_password.hash', { passwordType: { case: 'hashedPassword', value: { hash: 'plain' } } }],
    ['TOTP_SECRET_INVALID', 'totp_secret', { totpSecret: '1!' }],
  ] satisfies [string, string, CreateHuman & AddRequest][])('is told %s at %s', async (reason, field, human) => {
    expect(await outcome(addHuman(human))).toBe(`InvalidArgument ${reason}`);
    expect(await brokenFields(addHuman(human))).toEqual([field]);
    expect(await brokenFields(createUser(human))).toEqual([`human.${field}`]);
  });

  test('is told that the username is blank', async () => {
    expect(await outcome(addHuman({ username: ' \u2003 ' }))).toBe('InvalidArgument USERNAME_BLANK');
    expect(await outcome(createBot({}, { username: ' ' }))).toBe('InvalidArgument USERNAME_BLANK');
  });

  test('is held against the rules in their order', async () => {
    const bad = {
      userId: await createHuman(server),
      username: ' ',
      profile: { ...profile, givenName: ' ' },
      email: { email: `${'x'.repeat(65)}@example.net`, verification: { case: 'sendCode', value: { urlTemplate: 'x' } } } as const,
      phone: { phone: 'x' },
      metadata: [{ key: ' ', value: Buffer.from('x') }],
      passwordType: { case: 'hashedPassword', value: { hash: 'x' } } as const,
      idpLinks: [{ idpId: 'nobody', userId: 'u', userName: 'n' }],
    };
    const taken = await readHuman(server, bad.userId);
    const repairs: [string, AddRequest][] = [
      ['InvalidArgument URL_TEMPLATE_INVALID', { email: { email: bad.email.email } }],
      ['InvalidArgument EMAIL_INVALID', { email: { email: address() } }],
      ['InvalidArgument USERNAME_BLANK', { username: 'x@claimed.example' }],
      ['InvalidArgument NAME_BLANK', { profile }],
      ['InvalidArgument PHONE_INVALID', { phone: { phone: '' } }],
      ['InvalidArgument METADATA_KEY_BLANK', { metadata: [] }],
      ['InvalidArgument PASSWORD_HASH_UNKNOWN', { passwordType: { case: 'password', value: { password: 'weak' } } }],
      ['FailedPrecondition USER_ID_TAKEN', { userId: unique('ordered') }],
      ['InvalidArgument DOMAIN_CLAIMED', { username: taken.username }],
      ['InvalidArgument PASSWORD_TOO_SHORT', { passwordType: { case: 'password', value: { password: 'Strong-1' } } }],
      ['FailedPrecondition PROVIDER_UNKNOWN', { idpLinks: [] }],
      ['AlreadyExists USERNAME_TAKEN', { username: unique('free') }],
    ];
    await createOrganization(server, { domain: 'claimed.example' });
    let request: AddRequest = bad;
    for (const [expected, repair] of repairs) {
      expect(await outcome(users.addHumanUser(request))).toBe(expected);
      request = { ...request, ...repair };
    }
    expect(await outcome(users.addHumanUser(request))).toBe('ok');
  });
});

describe('a name that is taken', () => {
  const spellings = [
    'Grüße@Example.NET',
    'GRÜSSE@example.net',
    'grüẞe@example.net',
    'gru\u0308ße@EXAMPLE.net',
    'ｇｒüße＠ｅｘａｍｐｌｅ．ｎｅｔ',
    ' grüße@example.net\u00a0',
  ];

  test.each(spellings)('is taken as %s', async (username) => {
    await outcome(createBot({}, { username: 'grüße@example.net' }));
    expect(await outcome(addHuman({ username }))).toBe('AlreadyExists USERNAME_TAKEN');
    expect(await outcome(createBot({}, { username }))).toBe('AlreadyExists USERNAME_TAKEN');
    const elsewhere = await createOrganization(server);
    expect(await outcome(createUser({}, { username, organizationId: elsewhere }))).toBe('AlreadyExists USERNAME_TAKEN');
  });

  test('is the verified e-mail of another person of the organization, in any spelling', async () => {
    const email = address();
    await createHuman(server, { username: unique('by.another.name'), email: { email, verification: verified } });
    for (const username of [email, email.toUpperCase(), email.replace('@', '＠')]) {
      expect(await outcome(addHuman({ username }))).toBe('AlreadyExists USERNAME_TAKEN');
      expect(await outcome(createBot({}, { username }))).toBe('AlreadyExists USERNAME_TAKEN');
    }
    expect(await outcome(addHuman({ email: { email, verification: verified } }))).toBe('AlreadyExists USERNAME_TAKEN');
  });

  test('is no e-mail that is unverified, or of another organization', async () => {
    const [unverified, foreign] = [address(), address()];
    await createHuman(server, { username: unique('u'), email: { email: unverified } });
    await createHuman(server, {
      username: unique('u'),
      email: { email: foreign, verification: verified },
      organizationId: await createOrganization(server),
    });
    expect(await outcome(createBot({}, { username: unverified }))).toBe('ok');
    expect(await outcome(createBot({}, { username: foreign }))).toBe('ok');
  });

  test('is free again when its user is gone', async () => {
    const username = unique('phoenix');
    const { id } = await createBot({}, { username });
    await users.deleteUser({ userId: id });
    expect(await outcome(createBot({}, { username }))).toBe('ok');
  });
});

test('an e-mail may belong to many', async () => {
  const email = address();
  await createHuman(server, { username: unique('one'), email: { email } });
  expect(await outcome(addHuman({ username: unique('two'), email: { email } }))).toBe('ok');
});

describe('a domain', () => {
  test('that another organization has verified is not for usernames, in any spelling', async () => {
    await createOrganization(server, { domain: 'acme.example' });
    for (const username of ['ada@acme.example', 'ada@home@ACME.example', 'ada＠acme．example', 'ada\ufe6bacme.example']) {
      expect(await outcome(addHuman({ username }))).toBe('InvalidArgument DOMAIN_CLAIMED');
      expect(await outcome(createBot({}, { username }))).toBe('InvalidArgument DOMAIN_CLAIMED');
    }
    expect(await outcome(addHuman({ email: { email: 'default@acme.example' } }))).toBe('InvalidArgument DOMAIN_CLAIMED');
    expect(await brokenFields(addHuman({ username: 'ada@acme.example' }))).toEqual(['username']);
  });

  test('is for its own organization, and only as it is', async () => {
    const organizationId = await createOrganization(server, { domain: 'own.example' });
    expect(await outcome(createUser({}, { username: 'ada@own.example', organizationId }))).toBe('ok');
    expect(await outcome(addHuman({ username: 'ada@sub.own.example' }))).toBe('ok');
    expect(await outcome(addHuman({ username: 'own.example' }))).toBe('ok');
    expect(await outcome(addHuman({ username: unique('named'), email: { email: 'mail@own.example' } }))).toBe('ok');
  });
});

describe('an id', () => {
  test('that is taken is refused, wherever its owner is', async () => {
    const userId = await createMachine(server, { organizationId: await createOrganization(server) });
    expect(await outcome(addHuman({ userId }))).toBe('FailedPrecondition USER_ID_TAKEN');
    expect(await outcome(createBot({}, { userId }))).toBe('FailedPrecondition USER_ID_TAKEN');
  });

  test('of a deleted user is never one of another organization', async () => {
    const [one, other] = [await createOrganization(server), await createOrganization(server)];
    const userId = await createHuman(server, { organizationId: one });
    await users.deleteUser({ userId });
    expect(await outcome(createUser({}, { userId, organizationId: other }))).toBe('FailedPrecondition USER_ID_TAKEN');
    expect(await outcome(addHuman({ userId, organization: { org: { case: 'orgId', value: other } } }))).toBe(
      'FailedPrecondition USER_ID_TAKEN',
    );
    expect(await outcome(users.getUserByID({ userId }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(createUser({}, { userId, organizationId: one }))).toBe('ok');
    await users.deleteUser({ userId });
    expect(await outcome(createUser({}, { userId, organizationId: other }))).toBe('FailedPrecondition USER_ID_TAKEN');
  });

  test('is distinguished by letter case', async () => {
    const userId = unique('Case');
    await createMachine(server, { userId });
    expect(await outcome(createBot({}, { userId: userId.toLowerCase(), username: unique('case') }))).toBe('ok');
  });
});

describe('links with providers', () => {
  const link = (idpId: string, userId: string) => ({ idpId, userId, userName: `${userId}@example.org` });
  const linksOf = async (userId: string) =>
    (await users.listIDPLinks({ userId, query: { asc: true } })).result.map(({ idpId, userId: id, userName }) => [
      idpId,
      id,
      userName,
    ]);

  test.each(ways)('come with the user: %s', async (_, create) => {
    const [first, second] = [await createProvider(server), await createProvider(server, { organizationId: home })];
    const { userId } = await create({ idpLinks: [link(first, 'One'), link(second, 'one'), link(first, 'two')] });
    expect(await linksOf(userId)).toEqual([
      [first, 'One', 'One@example.org'],
      [first, 'two', 'two@example.org'],
      [second, 'one', 'one@example.org'],
    ]);
    const events =
      await server.sql`select sequence::int, type, payload from user_events where user_id = ${userId} order by sequence`;
    expect(events.slice(1)).toEqual(
      [first, second, first].map((provider, at) => ({ sequence: at + 2, type: 'link.added', payload: { provider } })),
    );
    expect((await readHuman(server, userId)).details.sequence).toBe(4n);
  });

  test.each(ways)('are refused, with the user, where no provider or another user stands behind them: %s', async (_, create) => {
    const usable = await createProvider(server);
    const foreign = await createProvider(server, { organizationId: await createOrganization(server) });
    const off = await createProvider(server, { state: 'inactive' });
    await create({ idpLinks: [link(usable, 'Taken')] });
    const refused = [
      ['FailedPrecondition PROVIDER_UNKNOWN', ['nobody', 'x']],
      ['FailedPrecondition PROVIDER_UNKNOWN', [foreign, 'x']],
      ['FailedPrecondition PROVIDER_INACTIVE', [off, 'x']],
      ['AlreadyExists LINK_EXISTS', [usable, 'tAKEN']],
      ['AlreadyExists LINK_EXISTS', [usable, 'FREE']],
    ] as const;
    for (const [expected, [idpId, externalId]] of refused) {
      const userId = unique('unlinked');
      expect(await outcome(create({ idpLinks: [link(usable, 'free'), link(idpId, externalId)] }, { userId }))).toBe(expected);
      expect(
        await server.sql`select 1 from users where id = ${userId} union all
        select 1 from user_events where user_id = ${userId} union all
        select 1 from provider_links where external_id = 'free'`,
      ).toHaveLength(0);
    }
    const unknown = await create({ idpLinks: [link(foreign, 'x')] }).catch((error: unknown) => ConnectError.from(error));
    expect(unknown instanceof ConnectError && unknown.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ provider: foreign });
  });
});

test('what was refused leaves nothing behind', async () => {
  const username = unique('refused');
  await createMachine(server, { username });
  const email = address();
  const userId = unique('leftover');
  const refused = addHuman({ userId, username, email: { email }, metadata: [{ key: 'k', value: Buffer.from('v') }] });
  expect(await outcome(refused)).toBe('AlreadyExists USERNAME_TAKEN');
  expect(await server.sql`select 1 from user_events where user_id = ${userId}`).toHaveLength(0);
  expect(await messagesUntilNow(server, email)).toEqual([]);
  expect(await outcome(addHuman({ userId, username: unique('other'), email: { email } }))).toBe('ok');
  const [first] = await server.sql`select sequence from user_events where user_id = ${userId} order by sequence`;
  expect(Number(first?.sequence)).toBe(1);
});

describe('who may create', () => {
  const bodies = (organizationId: string) => ({
    human: (as: Clients['users']) => createUser({}, { organizationId }, as),
    machine: (as: Clients['users']) => createBot({}, { organizationId }, as),
    add: (as: Clients['users']) => addHuman({ organization: { org: { case: 'orgId', value: organizationId } } }, as),
  });

  test('is whoever may write users there', async () => {
    const organizationId = await createOrganization(server);
    const allowed = [
      await createManager(server, ['ORG_OWNER'], organizationId),
      await createManager(server, ['ORG_USER_MANAGER'], organizationId),
      await createInstanceManager(server, ['IAM_USER_MANAGER']),
      await createInstanceManager(server, ['IAM_LOGIN_CLIENT']),
    ];
    for (const manager of allowed)
      for (const create of Object.values(bodies(organizationId))) expect(await outcome(create(manager.users))).toBe('ok');
  });

  test('is nobody who may only read, and nobody else learns of the organization', async () => {
    const organizationId = await createOrganization(server);
    const denied = [
      await createManager(server, ['ORG_OWNER_VIEWER'], organizationId),
      await createManager(server, ['PROJECT_OWNER'], organizationId),
      await createInstanceManager(server, ['IAM_OWNER_VIEWER']),
    ];
    for (const reader of denied) {
      for (const create of Object.values(bodies(organizationId)))
        expect(await outcome(create(reader.users))).toBe('PermissionDenied PERMISSION_DENIED');
    }
    const strangers = [
      await createStranger(server),
      await createManager(server, ['ORG_OWNER'], await createOrganization(server)),
      await createManager(server, ['ORG_USER_SELF_MANAGER'], organizationId),
      await actAs(server, await createHuman(server, { organizationId })),
    ];
    for (const stranger of strangers) {
      for (const place of [organizationId, 'no such organization']) {
        for (const create of Object.values(bodies(place)))
          expect(await outcome(create(stranger.users))).toBe('NotFound ORGANIZATION_NOT_FOUND');
      }
    }
  });

  test('is told by each call that there is no such organization, if he may know all', async () => {
    const unknown = bodies('no such organization');
    for (const role of ['IAM_OWNER', 'IAM_OWNER_VIEWER']) {
      const { users: as } = await createInstanceManager(server, [role]);
      expect(await outcome(unknown.human(as))).toBe('FailedPrecondition ORGANIZATION_GONE');
      expect(await outcome(unknown.machine(as))).toBe('FailedPrecondition ORGANIZATION_GONE');
      expect(await outcome(unknown.add(as))).toBe('PermissionDenied ORGANIZATION_DENIED');
    }
  });

  test('is not the owner of the id that he asks for', async () => {
    const stranger = await createStranger(server);
    expect(await outcome(createBot({}, { userId: stranger.id }, stranger.users))).toBe('NotFound ORGANIZATION_NOT_FOUND');
  });

  test('is nobody without a token, whatever he sends', async () => {
    for (const token of ['', 'x', 'roster_pat_']) {
      expect(await outcome(server.as(token).users.createUser({}))).toBe('Unauthenticated UNAUTHENTICATED');
      expect(await outcome(server.as(token).users.addHumanUser({ userId: '' }))).toBe('Unauthenticated UNAUTHENTICATED');
    }
  });
});

describe('the organization of AddHumanUser', () => {
  const inOrganization = (value: string) => ({ organization: { org: { case: 'orgId', value } as const } });
  const byDomain = (value: string) => ({ organization: { org: { case: 'orgDomain', value } as const } });
  const ownerOf = async (created: Promise<AddHumanUserResponse>) => {
    const { userId, details } = await created;
    expect((await readHuman(server, userId)).details.resourceOwner).toBe(details?.resourceOwner);
    return details?.resourceOwner;
  };

  test('is the one in the request, else in the header, else the own one', async () => {
    const [one, other] = [await createOrganization(server), await createOrganization(server)];
    const header = server.as(undefined, { headers: { 'x-zitadel-orgid': other } }).users;
    expect(await ownerOf(addHuman({}))).toBe(home);
    expect(await ownerOf(addHuman({}, header))).toBe(other);
    expect(await ownerOf(addHuman(inOrganization(one), header))).toBe(one);
    expect(await ownerOf(addHuman({ organization: {} }, header))).toBe(other);
  });

  test('may be named by a verified domain', async () => {
    const id = await createOrganization(server, { domain: 'by-domain.example' });
    expect(await ownerOf(addHuman(byDomain('by-domain.example')))).toBe(id);
    expect(await ownerOf(addHuman(byDomain(' By-Domain.EXAMPLE')))).toBe(id);
    expect(await outcome(addHuman(byDomain('unknown.example')))).toBe('PermissionDenied ORGANIZATION_DENIED');
    const stranger = await createStranger(server);
    for (const domain of ['by-domain.example', 'unknown.example', '']) {
      expect(await outcome(addHuman(byDomain(domain), stranger.users))).toBe('NotFound ORGANIZATION_NOT_FOUND');
    }
  });

  test('is judged before the request', async () => {
    const { users: as } = await createStranger(server);
    expect(await outcome(as.addHumanUser({ userId: '' }))).toBe('NotFound ORGANIZATION_NOT_FOUND');
  });

  test('in the header means nothing to CreateUser', async () => {
    const other = await createOrganization(server);
    const { id } = await createUser({}, {}, server.as(undefined, { headers: { 'x-zitadel-orgid': other } }).users);
    expect((await readHuman(server, id)).details.resourceOwner).toBe(home);
  });
});

test('links in mails follow no header of the request', async () => {
  const headers = {
    forwarded: 'host=evil.example;proto=http',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-for': '203.0.113.9',
    'x-original-host': 'evil.example',
    'x-zitadel-public-host': 'evil.example',
    'x-zitadel-instance-host': 'evil.example',
    'x-zitadel-forward-host': 'evil.example',
    origin: 'https://evil.example',
    referer: 'https://evil.example/',
  };
  for (const protocol of ['grpc', 'grpc-web', 'connect', 'connect-json'] as const) {
    const email = address();
    const all = protocol === 'grpc' || protocol === 'connect' ? headers : { ...headers, host: 'evil.example' };
    await addHuman({ email: { email } }, server.as(undefined, { protocol, headers: all }).users);
    const [mail] = await messagesTo(server, email);
    expect(linkIn(mail).origin).toBe('https://roster.example.com');
    expect(mail).not.toContain('evil');
  }
});
