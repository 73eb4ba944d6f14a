// What ends a session or makes it stale, as each way to use one shows it: before the event and after, here and at another
// replica.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Actor, actAs, createHuman, createInstanceManager, createStranger, leaveResetCode } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { codeEntries, leaveFor, passwordEntries } from '../support/proofs.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  barred,
  bearer,
  ended,
  good,
  look as lookAt,
  sessionNotFound,
  stale,
  unauthenticated,
} from '../support/sessionStates.ts';
import {
  check,
  type Desk,
  type Everywhere,
  everyFactor,
  type Factor,
  openDesk,
  prepareEverywhere,
  type Session,
  show,
  signIn,
} from '../support/sessions.ts';

const ok = 'ok';
const lockAfter = 3;

let server: TestServer;
let replica: TestServer;
let login: Actor;
let stranger: Actor;
let begin: () => Promise<Everywhere>;

beforeAll(async () => {
  const env = { ROSTER_LOCK_AFTER_PASSWORD_TRIES: String(lockAfter), ROSTER_TRIES_PER_NETWORK: '10000' };
  server = await startServer({ env });
  replica = await startServer({ env, beside: server });
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
  stranger = await createStranger(server);
  begin = await prepareEverywhere(server, login, some);
});

const look = (session: Session) => lookAt({ replicas: [server, replica], stranger, login }, session);

const some: Factor[] = ['password', 'passkey', 'totp', 'otpEmail'];
const newDesk = (factors: readonly Factor[]) => openDesk(server, login, factors);

type Happening = (desk: Desk) => Promise<unknown>;
const users = () => server.as().users;

describe('sessions end when the user is', () => {
  const wrongPasswords: Happening = async ({ person: { userId } }) => {
    const checks = { user: { search: { case: 'userId', value: userId } }, password: { password: 'Wrong-1!' } } as const;
    for (let n = 0; n < lockAfter; n++) expect(await outcome(login.sessions.createSession({ checks }))).toMatch(/PASSWORD_WRONG/);
  };
  const wrongChanges: Happening = async ({ person: { userId } }) => {
    const verification = { case: 'currentPassword', value: 'Wrong-1!' } as const;
    const change = { userId, newPassword: { password: 'An0ther-1!' }, verification };
    for (let n = 0; n < lockAfter; n++) expect(await outcome(users().setPassword(change))).toMatch(/PASSWORD_WRONG/);
  };
  const unlock: Happening = ({ person: { userId } }) => users().unlockUser({ userId });
  const locked = 'FailedPrecondition USER_LOCKED';
  const table: [string, Happening, refusal: string, back: Happening][] = [
    [
      'deactivated',
      ({ person: { userId } }) => users().deactivateUser({ userId }),
      'FailedPrecondition USER_NOT_ACTIVE',
      ({ person: { userId } }) => users().reactivateUser({ userId }),
    ],
    ['locked', ({ person: { userId } }) => users().lockUser({ userId }), locked, unlock],
    ['locked by wrong passwords', wrongPasswords, locked, unlock],
    ['locked by wrong proofs of a new password', wrongChanges, locked, unlock],
    [
      'deleted',
      ({ person: { userId } }) => users().deleteUser({ userId }),
      'NotFound USER_NOT_FOUND',
      async ({ person: { userId, username } }) => createHuman(server, { userId, username }),
    ],
  ];

  test.each(table)('%s, and stay so', async (_, happen, refusal, back) => {
    const { desk, sessions, waiting } = await begin();
    const own = await actAs(server, desk.person.userId);
    await happen(desk);
    expect(await outcome(signIn(desk))).toBe(refusal);
    for (const happened of [() => undefined, () => back(desk)]) {
      await happened();
      for (const { session } of sessions) expect(await look(session)).toEqual(ended);
      for (const { session, answer } of waiting) expect(await outcome(check(desk, session, answer))).toBe(sessionNotFound);
    }
    expect((await login.sessions.listSessions(ofUser(desk))).details?.totalResult).toBe(0n);
    expect(await outcome(own.sessions.getSession({ sessionId: sessions[0]?.session.id ?? '' }))).toMatch(
      /NotFound|Unauthenticated/,
    );
    const [row] = await server.sql`select count(*)::int as n from sessions where user_id = ${desk.person.userId}
      and (token_hash is not null or metadata <> '{}' or user_agent is not null or user_verified_at is not null)`;
    expect(row?.n).toBe(0);
  });

  test('not yet initialised, for as long as he is', async () => {
    const { desk, sessions, waiting } = await begin();
    const setState = (state: string) => server.sql`update users set state = ${state} where id = ${desk.person.userId}`;
    await setState('initial');
    for (const { session, way } of sessions) expect(await look(session)).toEqual(barred(way));
    for (const { session, answer } of waiting) {
      expect(await outcome(check(desk, session, answer))).toBe('FailedPrecondition USER_INITIAL');
    }
    expect(await bearer(server, (await signIn(desk)).token)).toBe(unauthenticated);
  });
});

const ofUser = ({ person: { userId } }: Desk) => ({
  queries: [{ query: { case: 'userIdQuery', value: { id: userId } } as const }],
});

describe('sessions are stale after another password', () => {
  const next = 'An0ther-1!';
  const known = async (desk: Desk, change: Promise<unknown>) => {
    await change;
    desk.person.password = next;
  };
  const human = {
    userType: { case: 'human', value: { password: { passwordType: { case: 'password', value: { password: next } } } } },
  } as const;
  const password = human.userType.value.password;
  const table: [string, Happening][] = [
    ['SetPassword', (desk) => known(desk, users().setPassword({ userId: desk.person.userId, newPassword: { password: next } }))],
    ['UpdateUser', (desk) => known(desk, users().updateUser({ userId: desk.person.userId, ...human }))],
    ['UpdateHumanUser', (desk) => known(desk, users().updateHumanUser({ userId: desk.person.userId, password }))],
    ...passwordEntries.map(({ name, bring }): [string, Happening] => [
      `${name} with the current one`,
      async ({ person }) => expect(await bring(server, person.userId, person.password)).toBe(ok),
    ]),
    ...codeEntries
      .filter(({ purpose }) => purpose === 'password')
      .map((entry): [string, Happening] => [
        `${entry.name} with a code`,
        async ({ person: { userId } }) =>
          expect(await entry.bring(server, userId, await leaveFor(server, userId, entry, 'ABCDEFGH'))).toBe(ok),
      ]),
  ];

  test.each(table)('by %s', async (_, happen) => {
    const { desk, sessions, waiting } = await begin();
    const { password: old } = desk.person;
    await happen(desk);
    for (const { session } of sessions) expect(await look(session)).toEqual(stale);
    for (const { session, answer, factor } of waiting) {
      await check(desk, session, answer);
      expect([factor, await bearer(server, session.token)]).toEqual([factor, factor === 'passkey' ? ok : unauthenticated]);
    }
    expect(await look(await signIn(desk, ['passkey']))).toEqual(good(['passkey']));
    expect(await outcome(signIn({ ...desk, person: { ...desk.person, password: old } }))).toMatch(/PASSWORD_WRONG/);
    if (desk.person.password === old) return;
    expect(await look(await signIn(desk, ['password', 'totp']))).toEqual(good(['password', 'totp']));
  });

  test('by an invitation', async () => {
    const desk = await newDesk(['totp']);
    const session = await signIn(desk, ['totp']);
    expect(await bearer(server, session.token)).toBe('PermissionDenied MFA_NEEDED');
    const { userId } = desk.person;
    const entry = codeEntries.find(({ name, purpose }) => purpose === 'invite' && name.startsWith('/'));
    if (!entry) throw new Error('there is no page for invitations');
    expect(await entry.bring(server, userId, await leaveFor(server, userId, entry, 'ABCDEFGH'))).toBe(ok);
    expect(await look(session)).toEqual(stale);
  });

  test('but for the one that the call was made with', async () => {
    const desk = await newDesk(['password', 'totp']);
    const { userId } = desk.person;
    const other = await signIn(desk, ['password', 'totp']);
    const own = await signIn(desk, ['password', 'totp']);
    const verification = { case: 'currentPassword', value: desk.person.password } as const;
    await server.as(own.token).users.setPassword({ userId, newPassword: { password: next }, verification });
    expect([await look(other), await look(own)]).toEqual([stale, good(['password', 'totp'])]);
    const again = await signIn({ ...desk, person: { ...desk.person, password: next } }, ['password', 'totp']);
    const code = { case: 'verificationCode', value: await leaveResetCode(server, userId, 'ABCDEFGH') } as const;
    await replica.as(again.token).users.setPassword({ userId, newPassword: { password: 'Y3t-an0ther!' }, verification: code });
    expect([await look(own), await look(again)]).toEqual([stale, good(['password', 'totp'])]);
  });

  test.each(everyFactor)('and good again, or not, by %s', async (factor) => {
    const desk = await newDesk([...new Set<Factor>(['password', 'totp', factor])]);
    const session = await signIn(desk, ['password', 'totp']);
    await known(desk, users().setPassword({ userId: desk.person.userId, newPassword: { password: next } }));
    await show(desk, session, factor);
    const first = { password: 'PermissionDenied MFA_NEEDED', passkey: ok };
    expect(await bearer(server, session.token)).toBe(
      factor === 'password' || factor === 'passkey' ? first[factor] : unauthenticated,
    );
    await show(desk, session, factor === 'password' ? 'totp' : 'password');
    expect(await look(session)).toEqual(good(['password', factor === 'password' ? 'totp' : factor]));
  });
});
