import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AccessTokenType, Gender } from '../../gen/zitadel/user/v2/user_pb.ts';
import type {
  UpdateHumanUserRequestSchema,
  UpdateUserRequest_HumanSchema,
  UpdateUserRequest_MachineSchema,
  UpdateUserRequestSchema,
} from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { keyedHash } from '../../src/kernel/crypto/keys.ts';
import {
  type Actor,
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  grant,
  leaveResetCode,
  type Plain,
  readHuman,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo, messagesUntilNow } from '../support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  ({ users } = server.as());
});

beforeEach(() => server.setTime(epoch));

type HumanUpdate = Plain<typeof UpdateHumanUserRequestSchema>;
type HumanChanges = Plain<typeof UpdateUserRequest_HumanSchema>;
type MachineChanges = Plain<typeof UpdateUserRequest_MachineSchema>;
type Update = Plain<typeof UpdateUserRequestSchema>;

const verified = { case: 'isVerified', value: true } as const;
const unverified = { case: 'isVerified', value: false } as const;
const returned = { case: 'returnCode', value: {} } as const;
const sent = { case: 'sendCode', value: {} } as const;
const address = () => `${unique('changed')}@example.net`;
const number = () => `+4178${unique('').padStart(7, '0')}`;
/** A number that no enum of the definitions knows. */
const unknownNumber = JSON.parse('99');
const later = new Date(epoch.getTime() + 60_000);

const updateHuman = (userId: string, changes: HumanUpdate, as = users) => as.updateHumanUser({ userId, ...changes });
const updateUser = (userId: string, human: HumanChanges, request: Update = {}, as = users) =>
  as.updateUser({ userId, userType: { case: 'human', value: human }, ...request });
const updateMachine = (userId: string, machine: MachineChanges, request: Update = {}, as = users) =>
  as.updateUser({ userId, userType: { case: 'machine', value: machine }, ...request });

type Common = Pick<HumanUpdate, 'email' | 'phone' | 'password'>;

/** What both calls have in common. */
const ways = [
  [
    'UpdateHumanUser',
    '',
    (userId: string, { username, ...changes }: Common & { username?: string }, as = users) =>
      updateHuman(userId, { ...changes, ...(username !== undefined && { username }) }, as),
  ],
  [
    'UpdateUser',
    'human.',
    (userId: string, { username, ...changes }: Common & { username?: string }, as = users) =>
      updateUser(userId, changes, username === undefined ? {} : { username }, as),
  ],
] as const;

const codeHash = (userId: string, purpose: string, code = '') =>
  keyedHash(server.app.keys.code, JSON.stringify([userId, purpose, code])).toString('hex');
const storedCode = async (userId: string, purpose: string) => {
  const [row] = await server.sql<{ hash: Buffer }[]>`select hash from codes where user_id = ${userId} and purpose = ${purpose}`;
  return row?.hash.toString('hex');
};
const eventsOf = async (userId: string) =>
  (await server.sql<{ type: string }[]>`select type from user_events where user_id = ${userId} order by sequence`).map(
    ({ type }) => type,
  );

const resetCode = (userId: string, code = 'RESET1') => leaveResetCode(server, userId, code);

const password = (value: string, changeRequired = false) =>
  ({ passwordType: { case: 'password', value: { password: value, changeRequired } } }) as const;
const withCurrent = (value: string, current: string) =>
  ({ ...password(value), verification: { case: 'currentPassword', value: current } }) as const;
const withCode = (value: string, code: string) =>
  ({ ...password(value), verification: { case: 'verificationCode', value: code } }) as const;
const first = 'First-one-1';
const second = 'Second-one-2';
const createWithPassword = (options: Parameters<typeof createHuman>[1] = {}) =>
  createHuman(server, { passwordType: { case: 'password', value: { password: first } }, ...options });
const isPassword = async (userId: string, value: string) =>
  (await outcome(updateHuman(userId, { password: withCurrent(value, value) }))) === 'FailedPrecondition PASSWORD_UNCHANGED';

describe.each(ways)('the username (%s)', (_, _path, update) => {
  test('changes, trimmed, with its time and the next sequence', async () => {
    const userId = await createHuman(server);
    const before = await readHuman(server, userId);
    server.setTime(later);
    const username = unique('Renamed');
    await update(userId, { username: ` ${username} ` });
    const after = await readHuman(server, userId);
    expect(after).toMatchObject({ username, loginNames: [username] });
    expect(after.details.sequence).toBe(before.details.sequence + 1n);
    expect(after.details.changeDate && timestampDate(after.details.changeDate)).toEqual(later);
    expect(after.details.creationDate).toEqual(before.details.creationDate);
    expect((await eventsOf(userId)).at(-1)).toBe('username.changed');
  });

  test('that stays the same changes nothing; another spelling of it is a change', async () => {
    const userId = await createHuman(server, { username: unique('spelt') });
    const { username, details } = await readHuman(server, userId);
    await update(userId, { username });
    expect((await readHuman(server, userId)).details).toEqual(details);
    await update(userId, { username: username.toUpperCase() });
    expect((await readHuman(server, userId)).username).toBe(username.toUpperCase());
  });

  test('is refused when it is taken, claimed or blank', async () => {
    const userId = await createHuman(server);
    const taken = unique('Größe');
    await createMachine(server, { username: taken, organizationId: await createOrganization(server) });
    for (const username of [taken, taken.toUpperCase(), taken.replace('ß', 'SS'), taken.normalize('NFD')]) {
      expect(await outcome(update(userId, { username }))).toBe('AlreadyExists USERNAME_TAKEN');
    }
    const email = address();
    await createHuman(server, { username: unique('x'), email: { email, verification: verified } });
    expect(await outcome(update(userId, { username: email.toUpperCase() }))).toBe('AlreadyExists USERNAME_TAKEN');
    const domain = `${unique('renamed')}.example`;
    await createOrganization(server, { domain });
    expect(await outcome(update(userId, { username: `ada＠${domain.toUpperCase()}` }))).toBe('InvalidArgument DOMAIN_CLAIMED');
    expect(await outcome(update(userId, { username: '  ' }))).toBe('InvalidArgument USERNAME_BLANK');
    expect(await outcome(update(userId, { username: '' }))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await eventsOf(userId)).toEqual(['user.created']);
  });

  test('may be the own e-mail', async () => {
    const email = address();
    const userId = await createHuman(server, { username: unique('x'), email: { email, verification: verified } });
    expect(await outcome(update(userId, { username: email }))).toBe('ok');
  });
});

describe('the profile', () => {
  const full = {
    givenName: 'Grace',
    familyName: 'Hopper',
    nickName: 'Amazing',
    displayName: 'G. Hopper',
    preferredLanguage: 'en',
    gender: Gender.FEMALE,
  };

  test('is replaced by UpdateHumanUser; what is absent stays', async () => {
    const userId = await createHuman(server);
    const { details } = await updateHuman(userId, { profile: full });
    expect(await readHuman(server, userId)).toMatchObject({
      profile: full,
      details: { ...details, creationDate: details?.changeDate },
    });
    await updateHuman(userId, { profile: { givenName: ' Ada ', familyName: 'Hopper' } });
    expect((await readHuman(server, userId)).profile).toMatchObject({ ...full, givenName: 'Ada' });
  });

  test('can lose its nick name, and get its default display name back, by UpdateHumanUser', async () => {
    const userId = await createHuman(server, { profile: full });
    await updateHuman(userId, {
      profile: {
        givenName: 'Ada',
        familyName: 'King',
        nickName: '',
        displayName: '',
        preferredLanguage: '',
        gender: Gender.UNSPECIFIED,
      },
    });
    expect((await readHuman(server, userId)).profile).toMatchObject({
      nickName: '',
      displayName: 'Ada King',
      preferredLanguage: 'und',
      gender: Gender.UNSPECIFIED,
    });
  });

  test('changes field by field by UpdateUser', async () => {
    const userId = await createHuman(server, { profile: full });
    for (const [field, value] of Object.entries({
      givenName: 'Ada',
      familyName: 'King',
      nickName: 'Countess',
      displayName: 'A. King',
      preferredLanguage: 'de-CH',
      gender: Gender.DIVERSE,
    })) {
      const before = await readHuman(server, userId);
      await updateUser(userId, { profile: { [field]: value } });
      const after = await readHuman(server, userId);
      expect(after.profile).toEqual({ ...before.profile, [field]: value });
      expect(after.details.sequence).toBe(before.details.sequence + 1n);
    }
  });

  test('tells in the history which fields changed, not what they hold', async () => {
    const userId = await createHuman(server);
    await updateUser(userId, { profile: { givenName: 'Ada', familyName: 'Secretname' } });
    const [event] = await server.sql`select * from user_events where user_id = ${userId} order by sequence desc limit 1`;
    expect(event).toMatchObject({ type: 'profile.changed', payload: { fields: ['familyName'] } });
    expect(JSON.stringify(event)).not.toContain('Secretname');
  });

  test('that stays the same changes nothing', async () => {
    const userId = await createHuman(server, { profile: full });
    const { details } = await readHuman(server, userId);
    server.setTime(later);
    const { changeDate } = await updateUser(userId, { profile: full });
    expect(changeDate && timestampDate(changeDate)).toEqual(epoch);
    expect((await updateHuman(userId, { profile: full })).details).toMatchObject({
      sequence: details.sequence,
      changeDate: details.changeDate,
    });
    expect((await readHuman(server, userId)).details).toEqual(details);
  });

  test('has no blank and no overlong parts, and UpdateUser clears none', async () => {
    const userId = await createHuman(server);
    expect(await outcome(updateHuman(userId, { profile: { givenName: ' ', familyName: 'X' } }))).toBe(
      'InvalidArgument NAME_BLANK',
    );
    expect(await brokenFields(updateUser(userId, { profile: { familyName: '\u2003' } }))).toEqual(['human.profile.family_name']);
    expect(await brokenFields(updateHuman(userId, { profile: {} }))).toEqual(['profile.given_name', 'profile.family_name']);
    for (const [field, value] of [
      ['givenName', ''],
      ['familyName', ''],
      ['nickName', ''],
      ['displayName', ''],
      ['preferredLanguage', ''],
      ['givenName', 'x'.repeat(201)],
      ['preferredLanguage', 'x'.repeat(11)],
    ] as const) {
      expect(await outcome(updateUser(userId, { profile: { [field]: value } }))).toBe('InvalidArgument INVALID_REQUEST');
    }
    expect(
      await outcome(users.updateUser({ userId, userType: { case: 'human', value: { profile: { gender: unknownNumber } } } })),
    ).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe.each(ways)('another e-mail (%s)', (_, path, update) => {
  test('is unverified, with a code by mail: when nothing, that, or "not verified" is chosen', async () => {
    for (const verification of [undefined, sent, unverified]) {
      const userId = await createHuman(server);
      const email = address();
      const { emailCode } = await update(userId, { email: { email, ...(verification && { verification }) } });
      expect(emailCode).toBeUndefined();
      expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: false });
      const [mail] = await messagesTo(server, email);
      expect(linkIn(mail).origin).toBe('https://roster.example.com');
      expect(await storedCode(userId, 'email')).toBe(codeHash(userId, 'email', codeIn(mail)));
    }
  });

  test('has the link of the template', async () => {
    const userId = await createHuman(server);
    const email = address();
    await update(userId, {
      email: {
        email,
        verification: { case: 'sendCode', value: { urlTemplate: 'https://app.example.org/{{.UserID}}/{{.Code}}' } },
      },
    });
    const [mail] = await messagesTo(server, email);
    expect(linkIn(mail).href).toBe(`https://app.example.org/${userId}/${codeIn(mail)}`);
  });

  test('has a code that only the caller sees', async () => {
    const userId = await createHuman(server);
    const email = address();
    const { emailCode } = await update(userId, { email: { email, verification: returned } });
    expect(emailCode).toMatch(/^[A-Z0-9]{6}$/);
    expect(await storedCode(userId, 'email')).toBe(codeHash(userId, 'email', emailCode));
    expect((await readHuman(server, userId)).email.isVerified).toBe(false);
    expect(await messagesUntilNow(server, email)).toEqual([]);
  });

  test('is verified at once, and an older code is dead', async () => {
    const userId = await createHuman(server, { email: { email: address(), verification: returned } });
    const email = address();
    const { emailCode } = await update(userId, { email: { email, verification: verified } });
    expect(emailCode).toBeUndefined();
    expect((await readHuman(server, userId)).email).toMatchObject({ email, isVerified: true });
    expect(await storedCode(userId, 'email')).toBeUndefined();
    expect((await eventsOf(userId)).slice(-2)).toEqual(['email.changed', 'email.verified']);
  });

  test('leaves the username, even one that was the old address', async () => {
    const userId = await createHuman(server);
    const { username } = await readHuman(server, userId);
    await update(userId, { email: { email: address(), verification: verified } });
    expect((await readHuman(server, userId)).username).toBe(username);
  });

  test('that is the same one only ever becomes verified', async () => {
    const userId = await createHuman(server, { email: { email: address(), verification: returned } });
    const before = await readHuman(server, userId);
    const { email } = before.email;
    const code = await storedCode(userId, 'email');
    for (const verification of [undefined, sent, unverified, returned]) {
      const { emailCode } = await update(userId, { email: { email, ...(verification && { verification }) } });
      expect(emailCode).toBeUndefined();
    }
    expect(await readHuman(server, userId)).toEqual(before);
    expect(await storedCode(userId, 'email')).toBe(code);
    await update(userId, { email: { email, verification: verified } });
    const after = await readHuman(server, userId);
    expect(after.email.isVerified).toBe(true);
    expect(after.details.sequence).toBe(before.details.sequence + 1n);
    expect(await storedCode(userId, 'email')).toBeUndefined();
    await update(userId, { email: { email, verification: verified } });
    await update(userId, { email: { email, verification: unverified } });
    expect(await readHuman(server, userId)).toEqual(after);
  });

  test('is refused with what is wrong and where', async () => {
    const userId = await createHuman(server);
    const template = { case: 'sendCode', value: { urlTemplate: 'https://{{.Code}}.example.org/' } } as const;
    const long = `${'x'.repeat(65)}@example.net`;
    expect(await outcome(update(userId, { email: { email: long, verification: template } }))).toBe(
      'InvalidArgument URL_TEMPLATE_INVALID',
    );
    expect(await brokenFields(update(userId, { email: { email: long, verification: template } }))).toEqual([
      `${path}email.send_code.url_template`,
    ]);
    expect(await outcome(update(userId, { email: { email: long } }))).toBe('InvalidArgument EMAIL_INVALID');
    expect(await brokenFields(update(userId, { email: { email: long } }))).toEqual([`${path}email.email`]);
    expect(await outcome(update(userId, { email: { email: 'none' } }))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(update(userId, { email: {} }))).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe.each(ways)('another phone (%s)', (_, path, update) => {
  test('is unverified, with a code by SMS', async () => {
    for (const verification of [undefined, sent]) {
      const userId = await createHuman(server);
      const phone = number();
      const { phoneCode } = await update(userId, { phone: { phone, ...(verification && { verification }) } });
      expect(phoneCode).toBeUndefined();
      expect((await readHuman(server, userId)).phone).toMatchObject({ phone, isVerified: false });
      const [sms] = await messagesTo(server, phone);
      expect(await storedCode(userId, 'phone')).toBe(codeHash(userId, 'phone', codeIn(sms)));
    }
  });

  test('has a code that only the caller sees, or is verified at once', async () => {
    const userId = await createHuman(server);
    const phone = number();
    const { phoneCode } = await update(userId, { phone: { phone, verification: returned } });
    expect(await storedCode(userId, 'phone')).toBe(codeHash(userId, 'phone', phoneCode));
    expect(await messagesUntilNow(server, phone)).toEqual([]);
    const other = number();
    await update(userId, { phone: { phone: other, verification: verified } });
    expect((await readHuman(server, userId)).phone).toMatchObject({ phone: other, isVerified: true });
    expect(await storedCode(userId, 'phone')).toBeUndefined();
  });

  test('that is the same number, however written, only ever becomes verified', async () => {
    const userId = await createHuman(server, { phone: { phone: '+41 79 222 33 44', verification: returned } });
    const before = await readHuman(server, userId);
    for (const verification of [undefined, sent, returned]) {
      expect(
        (await update(userId, { phone: { phone: '079 222 33 44', ...(verification && { verification }) } })).phoneCode,
      ).toBeUndefined();
    }
    expect(await readHuman(server, userId)).toEqual(before);
    await update(userId, { phone: { phone: '079 222 33 44', verification: verified } });
    expect((await readHuman(server, userId)).phone).toMatchObject({ phone: '+41792223344', isVerified: true });
    expect(await storedCode(userId, 'phone')).toBeUndefined();
  });

  test('is refused with where it stands', async () => {
    const userId = await createHuman(server);
    expect(await outcome(update(userId, { phone: { phone: 'none' } }))).toBe('InvalidArgument PHONE_INVALID');
    expect(await brokenFields(update(userId, { phone: { phone: 'none' } }))).toEqual([`${path}phone.phone`]);
    expect(await outcome(update(userId, { phone: { phone: number(), verification: unverified } }))).toBe(
      'InvalidArgument INVALID_REQUEST',
    );
  });
});

describe('an empty phone', () => {
  test('takes the number away by UpdateUser, and its code with it', async () => {
    const userId = await createHuman(server, { phone: { phone: number(), verification: returned } });
    await updateUser(userId, { phone: { phone: '' } });
    const after = await readHuman(server, userId);
    expect(after.phone).toMatchObject({ phone: '', isVerified: false });
    expect(await storedCode(userId, 'phone')).toBeUndefined();
    expect((await eventsOf(userId)).at(-1)).toBe('phone.removed');
    await updateUser(userId, { phone: {} });
    expect(await readHuman(server, userId)).toEqual(after);
  });

  test('with a verification is refused by UpdateUser', async () => {
    const userId = await createHuman(server);
    for (const verification of [sent, returned, verified]) {
      expect(await outcome(updateUser(userId, { phone: { phone: '', verification } }))).toBe('InvalidArgument PHONE_INVALID');
    }
  });

  test('says nothing to UpdateHumanUser', async () => {
    const userId = await createHuman(server, { phone: { phone: number(), verification: verified } });
    const before = await readHuman(server, userId);
    for (const verification of [undefined, sent, returned, verified])
      await updateHuman(userId, { phone: { phone: '', ...(verification && { verification }) } });
    expect(await readHuman(server, userId)).toEqual(before);
  });
});

describe.each(ways)('another password (%s)', (_, path, update) => {
  test('needs no proof from a manager, sets its date, and is to be changed if so asked', async () => {
    const userId = await createHuman(server);
    server.setTime(later);
    await update(userId, { password: password(first, true) });
    const user = await readHuman(server, userId);
    expect(user.passwordChangeRequired).toBe(true);
    expect(user.passwordChanged && timestampDate(user.passwordChanged)).toEqual(later);
    await update(userId, { password: withCurrent(second, first) });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(false);
    expect(await isPassword(userId, second)).toBe(true);
  });

  test('is proven by the current one', async () => {
    const userId = await createWithPassword();
    expect(await outcome(update(userId, { password: withCurrent(second, 'Wrong-one-3') }))).toBe(
      'InvalidArgument PASSWORD_WRONG',
    );
    expect(await outcome(update(userId, { password: withCurrent(first, first) }))).toBe('FailedPrecondition PASSWORD_UNCHANGED');
    expect(await isPassword(userId, first)).toBe(true);
    expect(await outcome(update(userId, { password: withCurrent(second, first) }))).toBe('ok');
    expect(await isPassword(userId, second)).toBe(true);
    const unset = await createHuman(server);
    expect(await outcome(update(unset, { password: withCurrent(second, first) }))).toBe('FailedPrecondition PASSWORD_NOT_SET');
  });

  test('leaves a failed check in the history', async () => {
    const userId = await createWithPassword();
    await outcome(update(userId, { password: withCurrent(second, 'Wrong-one-3') }));
    expect((await eventsOf(userId)).at(-1)).toBe('password.check.failed');
  });

  test('is proven by a code, once', async () => {
    const userId = await createHuman(server);
    expect(await outcome(update(userId, { password: withCode(second, 'RESET1') }))).toBe('FailedPrecondition CODE_ABSENT');
    const code = await resetCode(userId);
    expect(await outcome(update(userId, { password: withCode(second, 'RESET2') }))).toBe('InvalidArgument CODE_WRONG');
    expect(await outcome(update(userId, { password: withCode(second, code.toLowerCase()) }))).toBe('InvalidArgument CODE_WRONG');
    expect(await outcome(update(userId, { password: withCode(second, ` ${code}`) }))).toBe('InvalidArgument CODE_WRONG');
    expect(await outcome(update(userId, { password: withCode('weak', code) }))).toBe('InvalidArgument PASSWORD_TOO_SHORT');
    expect(await outcome(update(userId, { password: withCode(second, code) }))).toBe('ok');
    expect(await isPassword(userId, second)).toBe(true);
    expect(await outcome(update(userId, { password: withCode(first, code) }))).toBe('FailedPrecondition CODE_ABSENT');
  });

  test('is not proven by a code that is old, dead or of another purpose or person', async () => {
    const [late, guessed, verified] = [await createHuman(server), await createHuman(server), await createHuman(server)];
    const old = await resetCode(late);
    server.setTime(new Date(epoch.getTime() + 60 * 60 * 1000));
    expect(await outcome(update(late, { password: withCode(second, old) }))).toBe('FailedPrecondition CODE_ABSENT');
    server.setTime(epoch);
    const code = await resetCode(guessed);
    for (let wrong = 0; wrong < 5; wrong++)
      expect(await outcome(update(guessed, { password: withCode(second, 'WRONG') }))).toBe('InvalidArgument CODE_WRONG');
    expect(await outcome(update(guessed, { password: withCode(second, code) }))).toBe('ResourceExhausted TRIED_TOO_OFTEN');
    server.setTime(new Date(epoch.getTime() + 1000));
    expect(await outcome(update(guessed, { password: withCode(second, code) }))).toBe('FailedPrecondition CODE_ABSENT');
    server.setTime(epoch);
    const { emailCode = '' } = await update(verified, { email: { email: address(), verification: returned } });
    expect(await outcome(update(verified, { password: withCode(second, emailCode) }))).toBe('FailedPrecondition CODE_ABSENT');
    const other = await createHuman(server);
    await resetCode(other, 'OTHER1');
    const mine = await createHuman(server);
    await resetCode(mine, 'MINE11');
    expect(await outcome(update(mine, { password: withCode(second, 'OTHER1') }))).toBe('InvalidArgument CODE_WRONG');
  });

  test('ends a reset that is under way', async () => {
    const userId = await createHuman(server);
    const code = await resetCode(userId);
    await update(userId, { password: password(first) });
    expect(await outcome(update(userId, { password: withCode(second, code) }))).toBe('FailedPrecondition CODE_ABSENT');
  });

  test('may be a hash', async () => {
    const userId = await createHuman(server);
    const hash = '$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi';
    await update(userId, { password: { passwordType: { case: 'hashedPassword', value: { hash, changeRequired: true } } } });
    expect((await readHuman(server, userId)).passwordChangeRequired).toBe(true);
    expect(await isPassword(userId, 'password')).toBe(true);
    const bad = { passwordType: { case: 'hashedPassword', value: { hash: '$2y$10$short' } } } as const;
    expect(await outcome(update(userId, { password: bad }))).toBe('InvalidArgument PASSWORD_HASH_UNKNOWN');
    expect(await brokenFields(update(userId, { password: bad }))).toEqual([`${path}password.hashed_password.hash`]);
  });

  test('is there, not empty, and follows the rules', async () => {
    const userId = await createHuman(server);
    expect(await outcome(update(userId, { password: {} }))).toBe('InvalidArgument PASSWORD_EMPTY');
    expect(await brokenFields(update(userId, { password: { verification: { case: 'currentPassword', value: 'x' } } }))).toEqual([
      `${path}password`,
    ]);
    expect(await outcome(update(userId, { password: password('') }))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(update(userId, { password: password('x'.repeat(201)) }))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(update(userId, { password: withCode(second, 'x'.repeat(21)) }))).toBe('InvalidArgument INVALID_REQUEST');
    for (const [value, reason] of [
      ['Short-1', 'TOO_SHORT'],
      ['NO-LOWER-1', 'NEEDS_LOWER'],
      ['no-upper-1', 'NEEDS_UPPER'],
      ['No-digit-', 'NEEDS_DIGIT'],
      ['NoSymbol1', 'NEEDS_SYMBOL'],
    ]) {
      expect(await outcome(update(userId, { password: password(value ?? '') }))).toBe(`InvalidArgument PASSWORD_${reason}`);
    }
    expect((await readHuman(server, userId)).passwordChanged).toBeUndefined();
  });

  test('waits for the user to be initialised', async () => {
    const userId = await createHuman(server);
    await server.sql`update users set state = 'initial' where id = ${userId}`;
    expect(await outcome(update(userId, { password: password(first) }))).toBe('FailedPrecondition USER_INITIAL');
  });
});

describe('a machine', () => {
  test('changes by UpdateUser', async () => {
    const userId = await createMachine(server, { name: 'Old', description: 'old' });
    const read = async () => (await users.getUserByID({ userId })).user;
    await updateMachine(userId, { name: 'New', accessTokenType: AccessTokenType.JWT }, { username: unique('bot') });
    expect((await read())?.type.value).toMatchObject({ name: 'New', description: 'old', accessTokenType: AccessTokenType.JWT });
    await updateMachine(userId, { name: '', description: '', accessTokenType: AccessTokenType.BEARER });
    const after = await read();
    expect(after?.type.value).toMatchObject({ name: '', description: '', accessTokenType: AccessTokenType.BEARER });
    await updateMachine(
      userId,
      { name: '', description: '', accessTokenType: AccessTokenType.BEARER },
      { username: after?.username ?? '' },
    );
    expect(await read()).toEqual(after);
  });

  test('has no overlong texts and no unknown token type', async () => {
    const userId = await createMachine(server);
    expect(await brokenFields(updateMachine(userId, { name: 'x'.repeat(201), description: 'x'.repeat(501) }))).toEqual([
      'machine.name',
      'machine.description',
    ]);
    expect(await outcome(updateMachine(userId, { accessTokenType: unknownNumber }))).toBe('InvalidArgument INVALID_REQUEST');
  });

  test('is no person, and a person is no machine', async () => {
    const [machine, human] = [await createMachine(server), await createHuman(server)];
    expect(await outcome(updateUser(machine, { profile: { givenName: 'Ada' } }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(updateHuman(machine, { email: { email: address() } }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(updateMachine(human, { name: 'Bot' }))).toBe('NotFound USER_NOT_FOUND');
    const self = await actAs(server, machine);
    expect(await outcome(updateUser(machine, {}, {}, self.users))).toBe('NotFound USER_NOT_FOUND');
  });
});

describe('metadata', () => {
  const entriesOf = async (userId: string) =>
    Object.fromEntries(
      (await users.listUserMetadata({ userId })).metadata.map(({ key, value }) => [key, Buffer.from(value).toString()]),
    );
  const entries = (values: Record<string, string>) =>
    Object.entries(values).map(([key, value]) => ({ key, value: Buffer.from(value) }));

  test('is set, changed and removed by UpdateUser', async () => {
    for (const [userId, update] of [
      [await createHuman(server), updateUser],
      [await createMachine(server), updateMachine],
    ] as const) {
      await update(userId, {}, { metadata: entries({ a: '1', b: '2', c: '3' }) });
      await update(userId, {}, { metadata: entries({ a: '', b: '4', absent: '' }) });
      expect(await entriesOf(userId)).toEqual({ b: '4', c: '3' });
    }
  });

  test('is not for the user itself', async () => {
    for (const [userId, update] of [
      [await createHuman(server), updateUser],
      [await createMachine(server), updateMachine],
    ] as const) {
      const self = await actAs(server, userId);
      expect(await outcome(update(userId, {}, { metadata: entries({ a: '1' }) }, self.users))).toBe(
        'PermissionDenied PERMISSION_DENIED',
      );
      expect(await entriesOf(userId)).toEqual({});
    }
  });
});

describe('several changes in one call', () => {
  test('happen together', async () => {
    const userId = await createHuman(server);
    const [email, phone, username] = [address(), number(), unique('together')];
    const { emailCode, phoneCode } = await updateUser(
      userId,
      {
        profile: { givenName: 'Grace' },
        email: { email, verification: returned },
        phone: { phone, verification: returned },
        password: password(first),
      },
      { username, metadata: [{ key: 'k', value: Buffer.from('v') }] },
    );
    expect([emailCode, phoneCode]).toEqual([expect.stringMatching(/^[A-Z0-9]{6}$/), expect.stringMatching(/^[A-Z0-9]{6}$/)]);
    expect(await readHuman(server, userId)).toMatchObject({
      username,
      profile: { givenName: 'Grace' },
      email: { email },
      phone: { phone },
    });
    expect(await eventsOf(userId)).toEqual([
      'user.created',
      'username.changed',
      'profile.changed',
      'email.changed',
      'email.code.created',
      'phone.changed',
      'phone.code.created',
      'password.changed',
      'metadata.set',
    ]);
  });

  test('do not happen at all when one of them is refused', async () => {
    const userId = await createHuman(server);
    const before = await readHuman(server, userId);
    const email = address();
    const refused = updateHuman(userId, {
      username: unique('never'),
      profile: { givenName: 'Never', familyName: 'Ever' },
      email: { email },
      phone: { phone: number() },
      password: password('weak'),
    });
    expect(await outcome(refused)).toBe('InvalidArgument PASSWORD_TOO_SHORT');
    expect(await readHuman(server, userId)).toEqual(before);
    expect(await eventsOf(userId)).toEqual(['user.created']);
    expect(await messagesUntilNow(server, email)).toEqual([]);
  });

  test('are refused in their order', async () => {
    const userId = await createWithPassword();
    const taken = unique('taken');
    await createMachine(server, { username: taken });
    const self = await actAs(server, userId);
    const bad: HumanUpdate = {
      username: taken,
      email: { email: `${'x'.repeat(65)}@example.net`, verification: { case: 'sendCode', value: { urlTemplate: 'x' } } },
      phone: { phone: 'x', verification: returned },
      password: {
        passwordType: { case: 'hashedPassword', value: { hash: 'x' } },
        verification: { case: 'currentPassword', value: 'wrong' },
      },
    };
    const repairs: [string, HumanUpdate][] = [
      ['InvalidArgument URL_TEMPLATE_INVALID', { email: { email: `${'x'.repeat(65)}@example.net` } }],
      ['InvalidArgument EMAIL_INVALID', { email: { email: address() } }],
      ['InvalidArgument PHONE_INVALID', { phone: { phone: number(), verification: returned } }],
      ['InvalidArgument PASSWORD_HASH_UNKNOWN', { password: withCurrent('weak', 'wrong') }],
      ['PermissionDenied VERIFICATION_NOT_OWN', { phone: { phone: number() } }],
      ['InvalidArgument PASSWORD_WRONG', { password: withCurrent('weak', first) }],
      ['AlreadyExists USERNAME_TAKEN', { username: unique('free') }],
      ['InvalidArgument PASSWORD_TOO_SHORT', { password: withCurrent(second, first) }],
    ];
    let request = bad;
    for (const [expected, repair] of repairs) {
      expect(await outcome(updateHuman(userId, request, self.users))).toBe(expected);
      request = { ...request, ...repair };
    }
    expect(await outcome(updateHuman(userId, request, self.users))).toBe('ok');
  });

  test('without a kind of user are not implemented', async () => {
    expect(await outcome(users.updateUser({ userId: await createHuman(server), username: 'x' }))).toBe(
      'Unimplemented NOT_IMPLEMENTED',
    );
  });
});

describe('who may change a person', () => {
  let organizationId: string;
  let userId: string;
  let self: Actor;
  let reader: Actor;
  let manager: Actor;
  let loginClient: Actor;
  let strangers: Actor[];

  beforeAll(async () => {
    organizationId = await createOrganization(server);
    userId = await createWithPassword({ organizationId });
    self = await actAs(server, userId);
    reader = await createManager(server, ['ORG_OWNER_VIEWER'], organizationId);
    manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    loginClient = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
    strangers = [
      await createStranger(server),
      await createManager(server, ['ORG_OWNER'], await createOrganization(server)),
      await actAs(server, await createHuman(server, { organizationId })),
    ];
  });

  const everything: [string, () => HumanUpdate][] = [
    ['the username', () => ({ username: unique('by') })],
    ['the profile', () => ({ profile: { givenName: unique('by'), familyName: 'X' } })],
    ['the e-mail', () => ({ email: { email: address() } })],
    ['a verified e-mail', () => ({ email: { email: address(), verification: verified } })],
    ['the phone', () => ({ phone: { phone: number() } })],
    ['a returned code', () => ({ phone: { phone: number(), verification: returned } })],
  ];

  test.each(everything)('%s: who may write, nobody else', async (_, change) => {
    for (const allowed of [manager, loginClient, server.as()])
      expect(await outcome(updateHuman(userId, change(), allowed.users))).toBe('ok');
    expect(await outcome(updateHuman(userId, change(), reader.users))).toBe('PermissionDenied PERMISSION_DENIED');
    for (const stranger of strangers)
      expect(await outcome(updateHuman(userId, change(), stranger.users))).toBe('NotFound USER_NOT_FOUND');
  });

  test('the user itself changes name, profile, and addresses that it then has to prove', async () => {
    for (const change of [everything[0], everything[1], everything[2], everything[4]]) {
      expect(await outcome(updateHuman(userId, change?.[1]() ?? {}, self.users))).toBe('ok');
    }
    expect(await outcome(updateUser(userId, { phone: { phone: '' } }, {}, self.users))).toBe('ok');
    expect(await outcome(updateUser(userId, { email: { email: address(), verification: unverified } }, {}, self.users))).toBe(
      'ok',
    );
  });

  test('nobody proves an address to himself, neither a new one nor the one that he has', async () => {
    const mine = await createHuman(server, { organizationId, email: { email: address() }, phone: { phone: number() } });
    const { users: as } = await actAs(server, mine);
    const before = await readHuman(server, mine);
    for (const verification of [verified, returned]) {
      for (const email of [address(), before.email.email]) {
        for (const [, , update] of ways)
          expect(await outcome(update(mine, { email: { email, verification } }, as))).toBe(
            'PermissionDenied VERIFICATION_NOT_OWN',
          );
      }
      for (const phone of [number(), before.phone.phone]) {
        for (const [, , update] of ways)
          expect(await outcome(update(mine, { phone: { phone, verification } }, as))).toBe(
            'PermissionDenied VERIFICATION_NOT_OWN',
          );
      }
    }
    expect(await readHuman(server, mine)).toEqual(before);
    await grant(server, mine, ['ORG_USER_MANAGER'], organizationId);
    expect(await outcome(updateHuman(mine, { email: { email: address(), verification: verified } }, as))).toBe('ok');
  });

  test('the own password needs proof, unless one may write credentials or users', async () => {
    const mine = await createWithPassword({ organizationId });
    const { users: as } = await actAs(server, mine);
    for (const [, , update] of ways) {
      expect(await outcome(update(mine, { password: password(second) }, as))).toBe('PermissionDenied PASSWORD_PROOF_NEEDED');
    }
    const hash = { passwordType: { case: 'hashedPassword', value: { hash: '$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1' } } } as const;
    expect(await outcome(updateHuman(mine, { password: hash }, as))).toBe('PermissionDenied PASSWORD_PROOF_NEEDED');
    expect(await outcome(updateHuman(mine, { password: withCurrent(second, 'Wrong-one-3') }, as))).toBe(
      'InvalidArgument PASSWORD_WRONG',
    );
    expect(await outcome(updateHuman(mine, { password: withCurrent(second, first) }, as))).toBe('ok');
    const code = await resetCode(mine);
    expect(await outcome(updateHuman(mine, { password: withCode(first, code) }, as))).toBe('ok');
    await grant(server, mine, ['ORG_USER_MANAGER'], organizationId);
    expect(await outcome(updateHuman(mine, { password: password(second) }, as))).toBe('ok');
  });

  test('the password of another one needs the right to write, whatever the proof', async () => {
    expect(await outcome(updateHuman(userId, { password: withCurrent(second, first) }, reader.users))).toBe(
      'PermissionDenied PERMISSION_DENIED',
    );
    for (const stranger of strangers)
      expect(await outcome(updateHuman(userId, { password: withCurrent(second, first) }, stranger.users))).toBe(
        'NotFound USER_NOT_FOUND',
      );
    expect(await isPassword(userId, first)).toBe(true);
    expect(await outcome(updateHuman(userId, { password: password(second) }, manager.users))).toBe('ok');
  });

  test('nothing asked for is told to whoever may read, with the details of the last change', async () => {
    const { details } = await readHuman(server, userId);
    for (const { users: as } of [reader, self, manager]) {
      expect((await updateHuman(userId, {}, as)).details).toEqual({ ...details, creationDate: undefined });
      expect((await updateUser(userId, {}, {}, as)).changeDate).toEqual(details.changeDate);
    }
    for (const { users: as } of strangers) {
      expect(await outcome(updateHuman(userId, {}, as))).toBe('NotFound USER_NOT_FOUND');
      expect(await outcome(updateUser(userId, {}, {}, as))).toBe('NotFound USER_NOT_FOUND');
    }
  });

  test('the same change again is refused to whoever may only read', async () => {
    const { username } = await readHuman(server, userId);
    expect(await outcome(updateHuman(userId, { username }, reader.users))).toBe('PermissionDenied PERMISSION_DENIED');
    const machine = await createMachine(server, { organizationId, name: 'Same' });
    expect(await outcome(updateMachine(machine, { name: 'Same' }, {}, reader.users))).toBe('PermissionDenied PERMISSION_DENIED');
  });

  test('a machine changes itself, and a reader changes none', async () => {
    const machine = await createMachine(server, { organizationId });
    expect(await outcome(updateMachine(machine, { name: 'Me' }, {}, (await actAs(server, machine)).users))).toBe('ok');
    expect(await outcome(updateMachine(machine, { name: 'Not me' }, {}, reader.users))).toBe(
      'PermissionDenied PERMISSION_DENIED',
    );
    for (const { users: as } of strangers)
      expect(await outcome(updateMachine(machine, { name: 'Not me' }, {}, as))).toBe('NotFound USER_NOT_FOUND');
  });

  test('an unknown id is not found, by anybody', async () => {
    for (const { users: as } of [server.as(), reader, ...strangers]) {
      for (const id of ['unknown', ' ', userId.slice(0, -1), `${userId} `]) {
        expect(await outcome(updateHuman(id, { username: 'x' }, as))).toBe('NotFound USER_NOT_FOUND');
        expect(await outcome(updateUser(id, {}, {}, as))).toBe('NotFound USER_NOT_FOUND');
      }
    }
    expect(await outcome(updateHuman('', {}))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(updateUser('x'.repeat(201), {}))).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe('the credentials of somebody with more rights', () => {
  const credentials: HumanUpdate[] = [
    { email: { email: 'taken-over@evil.example', verification: verified } },
    { phone: { phone: '+41790000001', verification: verified } },
    { password: password(second) },
  ];

  test('are out of reach of whoever manages users', async () => {
    const organizationId = await createOrganization(server);
    const { users: as } = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    const owner = await createHuman(server, { organizationId });
    await grant(server, owner, ['ORG_OWNER'], organizationId);
    const elsewhere = await createHuman(server, { organizationId });
    await grant(server, elsewhere, ['ORG_OWNER_VIEWER'], await createOrganization(server));
    const instance = await createHuman(server, { organizationId });
    await grant(server, instance, ['IAM_OWNER_VIEWER']);
    for (const target of [owner, elsewhere, instance]) {
      const before = await readHuman(server, target);
      for (const change of credentials)
        expect(await outcome(updateHuman(target, change, as))).toBe('PermissionDenied HIGHER_RIGHTS');
      expect(await readHuman(server, target)).toEqual(before);
      expect(await outcome(updateHuman(target, { profile: { givenName: 'Still', familyName: 'Editable' } }, as))).toBe('ok');
    }
  });

  test('do not include the right to delete oneself', async () => {
    const organizationId = await createOrganization(server);
    const { users: as } = await createManager(server, ['ORG_OWNER'], organizationId);
    const target = await createHuman(server, { organizationId });
    await grant(server, target, ['ORG_USER_SELF_MANAGER'], organizationId);
    for (const change of credentials) expect(await outcome(updateHuman(target, change, as))).toBe('ok');
  });
});
