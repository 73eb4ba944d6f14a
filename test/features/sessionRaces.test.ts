// A check and what makes it worthless, at the same moment: in either order no session is left that counts and should not.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Actor, createInstanceManager } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { bearer, unauthenticated } from '../support/sessionStates.ts';
import { ask, check, type Desk, everyFactor, type Factor, openDesk, type Session, signIn, unequip } from '../support/sessions.ts';

const ok = 'ok';

let server: TestServer;
let replica: TestServer;
let login: Actor;

beforeAll(async () => {
  server = await startServer();
  replica = await startServer({ beside: server });
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
});

/** Until that many calls wait for rows that somebody holds. */
async function waitFor(count: number): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const [row] = await server.sql`select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    if (row?.waiting === count) return;
  }
  throw new Error(`waited in vain for ${count} calls that wait`);
}

/** Begins both while the user is held, so that they come to him in this order. */
async function inOrder<A, B>(userId: string, first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  const begun = await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${userId} for update`;
    const one = first();
    await waitFor(1);
    const two = second();
    await waitFor(2);
    return { one, two };
  });
  return Promise.all([begun.one, begun.two]);
}

type Act = (desk: Desk) => Promise<unknown>;
const users = () => replica.as().users;
const anotherPassword: Act = ({ person: { userId } }) => users().setPassword({ userId, newPassword: { password: 'An0ther-1!' } });

const events: [string, Act][] = [
  ['DeactivateUser', ({ person: { userId } }) => users().deactivateUser({ userId })],
  ['LockUser', ({ person: { userId } }) => users().lockUser({ userId })],
  ['DeleteUser', ({ person: { userId } }) => users().deleteUser({ userId })],
  ['another password', anotherPassword],
];

/** The token that a call got, if it got one. */
const tokenOf = (call: Promise<{ sessionToken: string }>) => call.then(({ sessionToken }) => sessionToken).catch(() => '');

const checks: [string, (desk: Desk, session: Session) => Promise<string>][] = [
  [
    'CreateSession',
    ({ person: { userId, password } }) =>
      tokenOf(
        login.sessions.createSession({
          checks: { user: { search: { case: 'userId', value: userId } }, password: { password } },
        }),
      ),
  ],
  [
    'SetSession with the password',
    ({ person: { password } }, { id: sessionId }) =>
      tokenOf(login.sessions.setSession({ sessionId, checks: { password: { password } } })),
  ],
  [
    'SetSession without a check',
    (_, { id: sessionId }) => tokenOf(login.sessions.setSession({ sessionId, metadata: { a: Buffer.from('b') } })),
  ],
];

describe.each(events)('%s', (_, event) => {
  test.each(checks)('and %s', async (_, attempt) => {
    for (const eventFirst of [true, false]) {
      const desk = await openDesk(server, login, ['password']);
      const { userId } = desk.person;
      const session = await signIn(desk);
      const happen = () => outcome(event(desk));
      const sign = () => attempt(desk, session);
      const [happened, token] = eventFirst
        ? await inOrder(userId, happen, sign)
        : (await inOrder(userId, sign, happen)).toReversed();
      expect(happened).toBe(ok);
      for (const each of [token, session.token].filter((each) => each !== '')) {
        expect([await bearer(server, each ?? ''), await bearer(replica, each ?? '')]).toEqual([unauthenticated, unauthenticated]);
      }
      const [row] = await server.sql`select count(*)::int as counting from sessions
        where user_id = ${userId} and ended_at is null and (not stale or password_verified_at is not null)`;
      expect(row?.counting).toBe(0);
    }
  });
});

test('the right password of somebody who is locked meanwhile forgives none of the wrong ones, and is no sign-in', async () => {
  const { person } = await openDesk(server, login, ['password']);
  const user = { search: { case: 'userId', value: person.userId } } as const;
  const sign = (password: string) => outcome(login.sessions.createSession({ checks: { user, password: { password } } }));
  for (let n = 0; n < 2; n++) await sign('Wr0ng-One!');
  const [locked, signed] = await inOrder(
    person.userId,
    () => outcome(users().lockUser(person)),
    () => sign(person.password),
  );
  expect([locked, signed]).toEqual([ok, 'FailedPrecondition USER_LOCKED']);
  const [tries] = await server.sql`select failures from guesses where user_id = ${person.userId} and kind = 'password'`;
  expect(tries?.failures).toBe(2);
  const [events] = await server.sql`select count(*)::int as checked from user_events
    where user_id = ${person.userId} and type = 'session.checked'`;
  expect(events?.checked).toBe(0);
});

describe('a factor that is removed', () => {
  const removable: Factor[] = everyFactor.filter((factor) => factor !== 'password');

  test.each(removable)('counts in no session in which it is being checked: %s', async (factor) => {
    for (const removalFirst of [true, false]) {
      const desk = await openDesk(server, login, ['password', factor]);
      const session = await signIn(desk);
      const answer = await ask(desk, session, factor);
      const remove = () => outcome(unequip(replica.as(), desk.person, factor));
      const sign = () => outcome(check(desk, session, answer));
      const { userId } = desk.person;
      const [removed, checked] = removalFirst
        ? await inOrder(userId, remove, sign)
        : (await inOrder(userId, sign, remove)).toReversed();
      expect([removed, checked === ok]).toEqual([ok, !removalFirst]);
      expect(await bearer(server, session.token)).toBe(removalFirst ? ok : unauthenticated);
      const { session: shown } = await login.sessions.getSession({ sessionId: session.id });
      const { password, webAuthN, totp, otpSms, otpEmail, recoveryCode } = shown?.factors ?? {};
      expect([webAuthN, totp, otpSms, otpEmail, recoveryCode].every((each) => each === undefined)).toBe(true);
      expect(password !== undefined).toBe(removalFirst);
    }
  });
});

test('of many at once, here and at another replica, none is left', async () => {
  const desk = await openDesk(server, login, ['password']);
  const sessions = await Promise.all(Array.from({ length: 6 }, () => signIn(desk)));
  const attempts = sessions.flatMap((session) => checks.map(([, attempt]) => attempt(desk, session)));
  const uses = sessions.map(({ token }) => bearer(replica, token));
  const [tokens] = await Promise.all([Promise.all(attempts), users().lockUser(desk.person), ...uses]);
  const known = [...tokens, ...sessions.map(({ token }) => token)].filter((token) => token !== '');
  const said = await Promise.all(known.map((token) => bearer(server, token)));
  expect(new Set(said)).toEqual(new Set([unauthenticated]));
  await users().unlockUser(desk.person);
  expect(new Set(await Promise.all(known.map((token) => bearer(replica, token))))).toEqual(new Set([unauthenticated]));
});
