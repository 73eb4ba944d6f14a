// What taking a factor away does to the sessions in which it was checked, here and at another replica.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Actor, createInstanceManager, createStranger } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { bearer, good, look as lookAt, stale } from '../support/sessionStates.ts';
import {
  check,
  type Desk,
  type Everywhere,
  equip,
  everyFactor,
  type Factor,
  openDesk,
  prepareEverywhere,
  type Session,
  signIn,
  unequip,
} from '../support/sessions.ts';

const ok = 'ok';
const answerable = everyFactor.filter((factor) => factor !== 'password');

let server: TestServer;
let replica: TestServer;
let login: Actor;
let stranger: Actor;
let begin: () => Promise<Everywhere>;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_TRIES_PER_NETWORK: '1000' } });
  replica = await startServer({ beside: server, env: { ROSTER_TRIES_PER_NETWORK: '1000' } });
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
  stranger = await createStranger(server);
  begin = await prepareEverywhere(server, login, everyFactor);
});

const look = (session: Session) => lookAt({ replicas: [server, replica], stranger, login }, session);
const newDesk = (factors: readonly Factor[]) => openDesk(server, login, factors);

describe('sessions are stale after a factor is removed that was checked in them:', () => {
  const table: [string, Factor, (as: Pick<Actor, 'users'>, desk: Desk) => Promise<unknown>][] = [
    ...answerable.map((factor): (typeof table)[number] => [factor, factor, (as, { person }) => unequip(as, person, factor)]),
    ['the phone', 'otpSms', (as, { person: { userId } }) => as.users.removePhone({ userId })],
    [
      'the phone, by UpdateUser',
      'otpSms',
      (as, { person: { userId } }) => as.users.updateUser({ userId, userType: { case: 'human', value: { phone: {} } } }),
    ],
  ];
  const absent: Partial<Record<Factor, RegExp>> = { passkey: /CREDENTIAL_UNKNOWN/, u2f: /CREDENTIAL_UNKNOWN/ };

  test.each(table)('%s', async (_, removed, remove) => {
    const { desk, sessions, waiting } = await begin();
    const beside: Factor = removed === 'totp' ? 'otpEmail' : 'totp';
    const own = await signIn(desk, ['password', beside, removed]);
    const bare = await signIn(desk, ['password', removed]);
    await remove(server.as(own.token), desk);
    for (const { session, way } of sessions) expect(await look(session)).toEqual(way.includes(removed) ? stale : good(way));
    for (const { session, answer, factor } of waiting) {
      const told = await outcome(check(desk, session, answer));
      if (factor === removed) expect(told).toMatch(absent[factor] ?? /_ABSENT/);
      else expect([factor, told]).toEqual([factor, ok]);
    }
    expect([await look(own), await look(bare)]).toEqual([good(['password', beside]), stale]);
    expect(await outcome(signIn(desk, ['password', removed]))).not.toBe(ok);
    if (removed === 'otpSms')
      await server.as().users.setPhone({
        userId: desk.person.userId,
        phone: '+41791234568',
        verification: { case: 'isVerified', value: true },
      });
    await equip(server, desk.person, removed);
    for (const { session, way } of sessions) if (way.includes(removed)) expect(await look(session)).toEqual(stale);
    for (const { session, answer, factor } of waiting) {
      if (factor === removed) expect(await outcome(check(desk, session, answer))).not.toBe(ok);
    }
    expect([await look(own), await look(bare)]).toEqual([good(['password', beside]), stale]);
    expect(await look(await signIn(desk, ['password', removed]))).toEqual(good(['password', removed]));
  });

  test('one that had nothing beside it is at one factor then, and by itself good for nothing', async () => {
    const desk = await newDesk(['password', 'passkey', 'totp']);
    const withPassword = await signIn(desk, ['password', 'passkey']);
    await unequip(server.as(withPassword.token), desk.person, 'passkey');
    expect(await bearer(server, withPassword.token)).toBe('PermissionDenied MFA_NEEDED');
    await equip(server, desk.person, 'passkey');
    const alone = await signIn(desk, ['passkey']);
    await unequip(server.as(alone.token), desk.person, 'passkey');
    expect(await bearer(server, alone.token)).toBe('PermissionDenied SESSION_UNPROVEN');
  });

  test('not when codes are used up, an address is another, or a second key is removed', async () => {
    const { desk, sessions, waiting } = await begin();
    const { userId, passkey } = desk.person;
    for (const code of desk.person.recoveryCodes) await check(desk, await signIn(desk, []), { recoveryCode: { code } });
    for (const { factor, session, answer } of waiting) if (factor === 'recoveryCode') await check(desk, session, answer);
    expect(await outcome(signIn({ ...desk, person: { ...desk.person, recoveryCodes: ['0'] } }, ['recoveryCode']))).toMatch(
      /_ABSENT/,
    );
    await equip(server, desk.person, 'passkey');
    await unequip(server.as(), desk.person, 'passkey');
    Object.assign(desk.person, { passkey });
    const verified = { case: 'isVerified', value: true } as const;
    await server.as().users.setEmail({ userId, email: 'elsewhere@example.net', verification: verified });
    await server.as().users.setPhone({ userId, phone: '+41791234569', verification: verified });
    for (const { session, way } of sessions) expect(await look(session)).toEqual(good(way));
    for (const { session, answer, factor } of waiting.filter(({ factor }) => factor.startsWith('otp'))) {
      expect([factor, await outcome(check(desk, session, answer))]).toEqual([factor, 'FailedPrecondition CHALLENGE_ABSENT']);
    }
  });
});
