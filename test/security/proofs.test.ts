// Whatever shows that somebody is who he says works once, for him, for what it was made for, and in its time: at every
// place that takes one.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChecksSchema } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import type { Purpose } from '../../src/kernel/codes/codes.ts';
import { pages } from '../../src/web/pages.ts';
import { passkeyPaths } from '../../src/web/passkey/paths.ts';
import { totpRoutes } from '../../src/web/totp/routes.ts';
import { createHuman, createInstanceManager, knownPassword, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { type Bring, codeEntries, type Entry, leaveFor, methodsTaking, passwordEntries } from '../support/proofs.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import { ask, check, createPerson, everyFactor, type Factor, signIn } from '../support/sessions.ts';

let server: TestServer;
let replica: TestServer;

beforeAll(async () => {
  const env = { ROSTER_TRIES_PER_NETWORK: '1000000' };
  server = await startServer({ env });
  replica = await startServer({ env, beside: server });
});

/** The clock of this file only goes on, on both replicas. */
let now = epoch.getTime();
const pass = (seconds: number) => {
  now += seconds * 1000;
  for (const one of [server, replica]) one.setTime(new Date(now));
};

beforeEach(() => pass(86_400));

const purposes = ['email', 'phone', 'password', 'invite', 'passkey', 'init'] as const;
/** More than any wait after wrong tries, less than any code lives. */
const longestWait = 601;
const current = 'Current-Wort-1';

/** Somebody who can still prove everything, and has no code for it. */
async function createUnproven(userId?: string): Promise<string> {
  const id = await createHuman(server, {
    userId,
    username: unique('unproven'),
    email: { email: `${unique('unproven')}@example.net`, verification: { case: 'isVerified', value: false } },
    phone: { phone: '+41446681800' },
  });
  await server.sql`delete from codes where user_id = ${id}`;
  return id;
}

const withPassword = async () => createHuman(server, { passwordType: await knownPassword(current) });

async function withCode(entry: Entry, userId?: string): Promise<{ userId: string; code: string }> {
  const id = await createUnproven(userId);
  if (entry.initial) await putState(id, 'initial');
  await leaveFor(server, id, entry, 'RIGHT1');
  return { userId: id, code: 'RIGHT1' };
}

const putState = (userId: string, state: 'active' | 'initial') =>
  server.sql`update users set state = ${state} where id = ${userId}`;

interface CodeRow {
  purpose: string;
  failures: number;
}

const codesOf = (userId: string) =>
  server.sql<CodeRow[]>`select purpose, failures from codes where user_id = ${userId} order by purpose`;

async function triesOf(userId: string, kind: 'code' | 'password'): Promise<number> {
  const [row] = await server.sql<{ failures: number }[]>`
    select failures from guesses where user_id = ${userId} and kind = ${kind}`;
  return row?.failures ?? 0;
}

const proofEvents = [
  ...['email.verified', 'phone.verified', 'password.changed'],
  ...['passkey.registered', 'totp.registered', 'totp.added'],
];
/** How often a proof of this user had its effect. */
async function effects(userId: string): Promise<number> {
  const rows = await server.sql`select from user_events where user_id = ${userId} and type = any(${proofEvents})`;
  return rows.length;
}

test('every proof that is checked in a session has its tests', () => {
  const kinds: Readonly<Record<Factor, string>> = {
    password: 'password',
    passkey: 'webAuthN',
    u2f: 'webAuthN',
    totp: 'totp',
    otpSms: 'otpSms',
    otpEmail: 'otpEmail',
    recoveryCode: 'recoveryCode',
  };
  // The user is no secret, and there are no identity providers.
  const proving = ChecksSchema.fields.map(({ localName }) => localName).filter((name) => name !== 'user' && name !== 'idpIntent');
  expect(new Set(everyFactor.map((factor) => kinds[factor]))).toEqual(new Set(proving));
});

describe.each(everyFactor)('a %s in a session', (factor) => {
  let login: Clients;
  beforeAll(async () => {
    login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
  });

  const open = async () => {
    const desk = { server, login, person: await createPerson(server, [factor]) };
    return { desk, session: await signIn(desk, []) };
  };

  test('of another user is wrong, and still his', async () => {
    const [mine, theirs] = [await open(), await open()];
    if (factor === 'password')
      await server.as().users.setPassword({ userId: theirs.desk.person.userId, newPassword: { password: 'Theirs-Wort-1' } });
    theirs.desk.person.password = 'Theirs-Wort-1';
    await ask(mine.desk, mine.session, factor);
    const answer = await ask(theirs.desk, theirs.session, factor);
    expect(await outcome(check(mine.desk, mine.session, answer))).toMatch(/^InvalidArgument (\w+_WRONG|WEBAUTHN_\w+)$/);
    expect(await outcome(check(theirs.desk, theirs.session, answer))).toBe('ok');
  });

  test('of who was locked or deactivated meanwhile is none, nor after he is back', async () => {
    const { desk } = await open();
    for (const [change, back] of [
      ['lockUser', 'unlockUser'],
      ['deactivateUser', 'reactivateUser'],
    ] as const) {
      const session = await signIn(desk, []);
      const answer = await ask(desk, session, factor);
      const { userId } = desk.person;
      await server.as().users[change]({ userId });
      expect(await outcome(check(desk, session, answer))).toBe('NotFound SESSION_NOT_FOUND');
      await server.as().users[back]({ userId });
      expect(await outcome(check(desk, session, answer))).toBe('NotFound SESSION_NOT_FOUND');
    }
  });
});

test('every served call, and every page, that takes a code or a current password is here', () => {
  const names = codeEntries.map(({ name }) => name);
  const taking = [...methodsTaking('verification_code'), ...methodsTaking('PasskeyRegistrationCode')];
  expect(new Set(names)).toEqual(new Set([...taking, ...pages.keys(), passkeyPaths.start, ...totpRoutes.keys()]));
  expect(new Set(passwordEntries.map(({ name }) => name))).toEqual(new Set(methodsTaking('current_password')));
});

describe.each(codeEntries.map((entry) => [entry.name, entry] as const))('a code at %s', (_, entry) => {
  test(entry.keeps ? 'works until it is used up elsewhere' : 'works once, with one effect', async () => {
    const { userId, code } = await withCode(entry);
    expect(await entry.bring(server, userId, code)).toBe('ok');
    const after = await effects(userId);
    expect(after).toBeGreaterThan(0);
    expect(await codesOf(userId)).toEqual(entry.keeps ? [{ purpose: entry.purpose, failures: 0 }] : []);
    const again = await entry.bring(replica, userId, code);
    if (entry.keeps) return expect(again).toBe('ok');
    expect(again).not.toBe('ok');
    expect(await effects(userId)).toBe(after);
  });

  test('of another purpose is wrong, and stays what it is', async () => {
    for (const other of purposes.filter((purpose) => purpose !== entry.purpose)) {
      const { userId } = await withCode(entry);
      await leaveFor(server, userId, entry, 'OTHER1', other);
      expect(await entry.bring(server, userId, 'OTHER1'), other).not.toBe('ok');
      const counted = { purpose: entry.purpose, failures: 1 };
      expect(new Set(await codesOf(userId)), other).toEqual(new Set([{ purpose: other, failures: 0 }, counted]));
      expect(await effects(userId)).toBe(0);
      // Nor is it any use where the right one is not there to be wrong beside.
      await server.sql`delete from codes where user_id = ${userId} and purpose = ${entry.purpose}`;
      expect(await entry.bring(server, userId, 'OTHER1'), other).not.toBe('ok');
      expect(await codesOf(userId)).toEqual([{ purpose: other, failures: 0 }]);
    }
  });

  test('of another user is wrong, and stays what it is', async () => {
    const [mine, theirs] = [await withCode(entry), await withCode(entry)];
    await leaveFor(server, theirs.userId, entry, 'THEIRS');
    expect(await entry.bring(server, mine.userId, 'THEIRS')).not.toBe('ok');
    expect(await effects(mine.userId)).toBe(0);
    expect(await codesOf(theirs.userId)).toEqual([{ purpose: entry.purpose, failures: 0 }]);
    expect(await entry.bring(server, theirs.userId, 'THEIRS')).toBe('ok');
  });

  test('that has expired is refused although it still lies there', async () => {
    const { userId, code } = await withCode(entry);
    pass(3600);
    expect(await entry.bring(server, userId, code)).not.toBe('ok');
    expect(await codesOf(userId)).toEqual([{ purpose: entry.purpose, failures: 0 }]);
    expect(await effects(userId)).toBe(0);
  });

  // A lock ends the code of an INITIAL user.
  if (!entry.initial)
    test('of who was locked or deactivated meanwhile proves what is his and gives him no factor; he stays so', async () => {
      for (const [change, state, back] of [
        ['lockUser', 'locked', 'unlockUser'],
        ['deactivateUser', 'inactive', 'reactivateUser'],
      ] as const) {
        const { userId, code } = await withCode(entry);
        const { users } = server.as();
        await users[change]({ userId });
        const told = await entry.bring(server, userId, code);
        const [row] = await server.sql`select state from users where id = ${userId}`;
        expect(row).toEqual({ state });
        if (entry.purpose !== 'passkey') {
          expect(told).toBe('ok');
          continue;
        }
        expect(told).not.toBe('ok');
        expect(await effects(userId)).toBe(0);
        expect(await codesOf(userId)).toEqual([{ purpose: 'passkey', failures: 0 }]);
        await users[back]({ userId });
        expect(await entry.bring(server, userId, code)).toBe('ok');
      }
    });

  test('is none for an initial user, or for none but one, nor for one who was deleted, nor for his successor under the same id', async () => {
    const { userId, code } = await withCode(entry);
    await putState(userId, entry.initial ? 'active' : 'initial');
    expect(await entry.bring(server, userId, code)).not.toBe('ok');
    expect(await effects(userId)).toBe(0);
    await server.as().users.deleteUser({ userId });
    expect(await entry.bring(server, userId, code)).not.toBe('ok');
    await createUnproven(userId);
    expect(await entry.bring(server, userId, code)).not.toBe('ok');
    expect(await effects(userId)).toBe(0);
  });
});

/** All places at once, on both replicas. */
const fifty = (entries: readonly Bring[], userId: string, secret: string): Promise<string[]> =>
  Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const on = index % 2 === 0 ? server : replica;
      return entries[Math.floor(index / 2) % entries.length]?.bring(on, userId, secret) ?? 'brought nowhere';
    }),
  );

const tooOften = (told: readonly string[]) => told.filter((each) => /^(ResourceExhausted TRIED_TOO_OFTEN|429)$/.test(each));

describe.each(purposes)('codes for %s, wherever they are brought', (purpose) => {
  const entries = codeEntries.filter((entry) => entry.purpose === purpose && !entry.keeps);
  const [first] = entries;
  if (!first) throw new Error(`nothing takes codes for ${purpose}`);

  test('the right one, fifty times at once to two replicas, works once', async () => {
    const { userId, code } = await withCode(first);
    const told = await fifty(entries, userId, code);
    expect(told.filter((each) => each === 'ok')).toHaveLength(1);
    expect(await codesOf(userId)).toEqual([]);
  });

  test('of fifty wrong ones at once five are looked at, the right one is dead then, and no unlock brings it back', async () => {
    const { userId, code } = await withCode(first);
    const told = await fifty(entries, userId, 'WRONG1');
    expect(told).not.toContain('ok');
    expect(tooOften(told)).toHaveLength(45);
    expect(await codesOf(userId)).toEqual([{ purpose, failures: 5 }]);
    expect(await triesOf(userId, 'code')).toBe(5);
    for (const { bring } of entries) expect(await bring(server, userId, code)).not.toBe('ok');
    await server.as().users.lockUser({ userId });
    await server.as().users.unlockUser({ userId });
    expect(await first.bring(server, userId, code)).not.toBe('ok');
    pass(longestWait);
    for (const { bring } of entries) expect(await bring(replica, userId, code)).not.toBe('ok');
    expect(await effects(userId)).toBe(0);
  });
});

test('the current password, fifty times at once to two replicas, changes it once', async () => {
  const userId = await withPassword();
  const told = await fifty(passwordEntries, userId, current);
  expect(told.filter((each) => each === 'ok')).toHaveLength(1);
  expect(await effects(userId)).toBe(2);
});

/** Every way to give somebody another address, or number, or to take it away, and what was sent to the one before. */
const moves: readonly [string, readonly Purpose[], (users: Clients['users'], userId: string) => Promise<unknown>][] = [
  ...(['email', 'phone'] as const).flatMap((channel) => {
    const fresh = () =>
      channel === 'email' ? { email: { email: `${unique('moved')}@example.net` } } : { phone: { phone: '+41446681801' } };
    const sent: Purpose[] = channel === 'email' ? ['email', 'invite', 'password', 'passkey', 'init'] : ['phone', 'password'];
    return [
      [
        `UpdateUser, ${channel}`,
        sent,
        (users, userId) => users.updateUser({ userId, userType: { case: 'human', value: fresh() } }),
      ],
      [`UpdateHumanUser, ${channel}`, sent, (users, userId) => users.updateHumanUser({ userId, ...fresh() })],
    ] satisfies typeof moves;
  }),
  [
    'SetEmail',
    ['email', 'invite', 'password', 'passkey'],
    (users, userId) => users.setEmail({ userId, email: `${unique('moved')}@example.net` }),
  ],
  ['SetPhone', ['phone', 'password'], (users, userId) => users.setPhone({ userId, phone: '+41446681801' })],
  ['RemovePhone', ['phone', 'password'], (users, userId) => users.removePhone({ userId })],
];

describe.each(moves)('after %s', (_, sent, move) => {
  test.each(sent)(
    'a code for %s that was sent before is good no more: who reads there is not who has it now',
    async (purpose) => {
      const [first, ...others] = codeEntries.filter((one) => one.purpose === purpose);
      if (!first) throw new Error(`nothing takes codes for ${purpose}`);
      const { userId, code } = await withCode(first);
      await move(server.as().users, userId);
      // Fewer than would make anybody wait: each is looked at.
      expect(others.length).toBeLessThan(5);
      for (const entry of [first, ...others]) {
        expect(await entry.bring(server, userId, code), entry.name).not.toBe('ok');
        expect(await effects(userId)).toBe(0);
      }
    },
  );
});

describe.each(moves)('after %s', (_, sent, move) => {
  test('a code to sign in that was sent before is good no more', async () => {
    const userId = await createHuman(server, {
      phone: { phone: '+41446681800', verification: { case: 'isVerified', value: true } },
    });
    const { users, sessions } = server.as();
    const isMail = sent.includes('email');
    await (isMail ? users.addOTPEmail({ userId }) : users.addOTPSMS({ userId }));
    const { sessionId, challenges: made } = await sessions.createSession({
      checks: { user: { search: { case: 'userId', value: userId } } },
      challenges: isMail ? { otpEmail: { deliveryType: { case: 'returnCode', value: {} } } } : { otpSms: { returnCode: true } },
    });
    await move(users, userId);
    const code = (isMail ? made?.otpEmail : made?.otpSms) ?? '';
    const checks = isMail ? { otpEmail: { code } } : { otpSms: { code } };
    expect(await outcome(sessions.setSession({ sessionId, checks }))).toMatch(/^FailedPrecondition (CHALLENGE|OTP)_ABSENT$/);
    expect(
      await server.sql`select from sessions where id = ${sessionId} and (otp_email_verified_at is not null
      or otp_sms_verified_at is not null)`,
    ).toHaveLength(0);
  });
});

describe.each(passwordEntries.map((entry) => [entry.name, entry] as const))('a current password at %s', (_, entry) => {
  test('fifty wrong ones at once to two replicas: five are looked at, and the right one has to wait', async () => {
    const userId = await withPassword();
    const told = await fifty([entry], userId, 'Wrong-Wort-1');
    expect(told.filter((each) => each === 'InvalidArgument PASSWORD_WRONG')).toHaveLength(5);
    expect(tooOften(told)).toHaveLength(45);
    const looks = await server.sql`select from user_events where user_id = ${userId} and type = 'password.check.failed'`;
    expect(looks).toHaveLength(5);
    expect(await triesOf(userId, 'password')).toBe(5);
    expect(await entry.bring(replica, userId, current)).toBe('ResourceExhausted TRIED_TOO_OFTEN');
    pass(longestWait);
    expect(await entry.bring(replica, userId, current)).toBe('ok');
  });

  test('of another user is wrong', async () => {
    const userId = await createHuman(server, { passwordType: await knownPassword('Another-Wort-1') });
    await withPassword();
    expect(await entry.bring(server, userId, current)).toBe('InvalidArgument PASSWORD_WRONG');
  });

  test('of who was locked meanwhile changes it, and he stays locked', async () => {
    const userId = await withPassword();
    await server.as().users.lockUser({ userId });
    expect(await entry.bring(server, userId, current)).toBe('ok');
    const [row] = await server.sql`select state from users where id = ${userId}`;
    expect(row).toEqual({ state: 'locked' });
  });
});
