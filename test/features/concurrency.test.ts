import { beforeAll, describe, expect, test } from 'vitest';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import {
  actAs,
  createHuman,
  createMachine,
  createOrganization,
  homeOf,
  leaveResetCode,
  readHuman,
  readState,
  unique,
} from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { type Clients, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let home: string;
let one: Clients['users'];
let other: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  one = server.as().users;
  other = (await startServer({ beside: server })).as().users;
  home = await homeOf(server);
});

/** Calls go to two replicas in turn: what holds must hold in the database. */
const replica = (n: number) => (n % 2 ? other : one);

/** Starts all calls before any has ended, and counts how they ended. */
async function race(count: number, call: (users: Clients['users'], n: number) => Promise<unknown>) {
  const outcomes = await Promise.all(Array.from({ length: count }, (_, n) => outcome(call(replica(n), n))));
  const counted: Record<string, number> = {};
  for (const each of outcomes) counted[each] = (counted[each] ?? 0) + 1;
  return counted;
}

const bot = (name = 'Bot') => ({ case: 'machine', value: { name } }) as const;
const sequencesOf = async (userId: string) =>
  (await server.sql<{ sequence: string }[]>`select sequence from user_events where user_id = ${userId} order by sequence`).map(
    ({ sequence }) => Number(sequence),
  );
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('of fifty who want one thing, one gets it', () => {
  test('a username, in any spelling', async () => {
    const spellings = ['Größe', 'GRÖSSE', 'gro\u0308ße', 'ｇｒöße', 'GRÖẞE', ' größe '];
    const results = await race(50, (users, n) =>
      users.createUser({ organizationId: home, username: spellings[n % spellings.length] ?? '', userType: bot() }),
    );
    expect(results).toEqual({ ok: 1, 'AlreadyExists USERNAME_TAKEN': 49 });
  });

  test('a username, of users that exist', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => createMachine(server)));
    const results = await race(20, (users, n) =>
      users.updateUser({ userId: ids[n] ?? '', username: n % 2 ? 'Wanted' : 'WANTED', userType: { case: 'machine', value: {} } }),
    );
    expect(results).toEqual({ ok: 1, 'AlreadyExists USERNAME_TAKEN': 19 });
  });

  test('an id', async () => {
    const results = await race(50, (users) =>
      users.createUser({ organizationId: home, userId: 'wanted', userType: bot(), username: unique('wanted') }),
    );
    expect(results).toEqual({ ok: 1, 'FailedPrecondition USER_ID_TAKEN': 49 });
    expect(await sequencesOf('wanted')).toEqual([1]);
  });

  test('the id of a deleted user', async () => {
    const userId = await createMachine(server);
    await one.deleteUser({ userId });
    const results = await race(50, (users) =>
      users.createUser({ organizationId: home, userId, userType: bot(), username: unique('again') }),
    );
    expect(results).toEqual({ ok: 1, 'FailedPrecondition USER_ID_TAKEN': 49 });
    expect(await sequencesOf(userId)).toEqual([1, 2, 3]);
  });
});

test('ids that are made at once all differ', async () => {
  const created = await Promise.all(
    Array.from({ length: 60 }, (_, n) => replica(n).createUser({ organizationId: home, userType: bot() })),
  );
  expect(new Set(created.map(({ id }) => id)).size).toBe(60);
});

describe('of twenty changes of one state, one happens', () => {
  test.each([
    ['lockUser', 'active', UserState.LOCKED, 'USER_NOT_LOCKABLE'],
    ['unlockUser', 'locked', UserState.ACTIVE, 'USER_NOT_LOCKED'],
    ['deactivateUser', 'active', UserState.INACTIVE, 'USER_ALREADY_INACTIVE'],
    ['reactivateUser', 'inactive', UserState.ACTIVE, 'USER_NOT_INACTIVE'],
  ] as const)('%s', async (change, state, after, reason) => {
    const userId = await createHuman(server);
    await server.sql`update users set state = ${state} where id = ${userId}`;
    expect(await race(20, (users) => users[change]({ userId }))).toEqual({ ok: 1, [`FailedPrecondition ${reason}`]: 19 });
    expect(await readState(server, userId)).toBe(after);
    expect(await sequencesOf(userId)).toEqual([1, 2]);
  });

  test('deleteUser', async () => {
    const userId = await createHuman(server);
    expect(await race(20, (users) => users.deleteUser({ userId }))).toEqual({ ok: 1, 'NotFound USER_NOT_FOUND': 19 });
    expect(await sequencesOf(userId)).toEqual([1, 2]);
  });
});

describe('updates at once', () => {
  test('lose nothing of each other, and each has a sequence of its own', async () => {
    const userId = await createHuman(server);
    const fields = [
      { profile: { givenName: 'Grace' } },
      { profile: { familyName: 'Hopper' } },
      { profile: { nickName: 'Amazing' } },
      { profile: { displayName: 'G. H.' } },
      { email: { email: 'at-once@example.net', verification: { case: 'isVerified', value: true } as const } },
      { phone: { phone: '+41791234567', verification: { case: 'isVerified', value: true } as const } },
      { password: { passwordType: { case: 'password', value: { password: 'At-once-1', changeRequired: true } } as const } },
    ];
    const results = await race(fields.length + 10, (users, n) => {
      const value = fields[n];
      if (value) return users.updateUser({ userId, userType: { case: 'human', value } });
      return users.setUserMetadata({ userId, metadata: [{ key: `k${n}`, value: Buffer.from(`${n}`) }] });
    });
    expect(results).toEqual({ ok: fields.length + 10 });
    expect(await readHuman(server, userId)).toMatchObject({
      profile: { givenName: 'Grace', familyName: 'Hopper', nickName: 'Amazing', displayName: 'G. H.' },
      email: { email: 'at-once@example.net', isVerified: true },
      phone: { phone: '+41791234567', isVerified: true },
      passwordChangeRequired: true,
    });
    expect((await one.listUserMetadata({ userId })).pagination?.totalResult).toBe(10n);
    const { details } = await readHuman(server, userId);
    expect(await sequencesOf(userId)).toEqual(upTo(Number(details.sequence)));
  });

  test('of one metadata key end with one of the values', async () => {
    const userId = await createMachine(server);
    const results = await race(20, (users, n) =>
      users.setUserMetadata({ userId, metadata: [{ key: 'k', value: Buffer.from(`${n}`) }] }),
    );
    expect(results).toEqual({ ok: 20 });
    const { metadata } = await one.listUserMetadata({ userId });
    expect(metadata).toHaveLength(1);
    expect(Number(Buffer.from(metadata[0]?.value ?? []).toString())).toBeLessThan(20);
  });

  test('of many keys in any order hinder nobody for good', async () => {
    const ids = await Promise.all(Array.from({ length: 2 }, () => createMachine(server)));
    const metadata = Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: Buffer.from('v') }));
    const results = await race(20, (users, n) =>
      users.setUserMetadata({ userId: ids[n % 3 ? 0 : 1] ?? '', metadata: n % 2 ? metadata : metadata.toReversed() }),
    );
    expect(results).toEqual({ ok: 20 });
  });

  test('of a user that is deleted meanwhile either happen or find nobody', async () => {
    const userId = await createHuman(server);
    const results = await race(30, (users, n) =>
      n === 15
        ? users.deleteUser({ userId })
        : users.setUserMetadata({ userId, metadata: [{ key: `k${n}`, value: Buffer.from('v') }] }),
    );
    const { ok = 0, 'FailedPrecondition USER_UNKNOWN': late = 0, ...unexpected } = results;
    expect(unexpected).toEqual({});
    expect(ok + late).toBe(30);
    expect(await sequencesOf(userId)).toEqual(upTo(ok + 1));
    expect(await server.sql`select 1 from user_metadata where user_id = ${userId}`).toHaveLength(0);
  });
});

describe('one secret for twenty', () => {
  const password = (value: string) => ({ passwordType: { case: 'password', value: { password: value } } }) as const;

  test('a code that changes the password does so once', async () => {
    const userId = await createHuman(server);
    const code = await leaveResetCode(server, userId, 'RACE01');
    const results = await race(20, (users, n) =>
      users.updateHumanUser({
        userId,
        password: { ...password(`Winner-${n}`), verification: { case: 'verificationCode', value: code } },
      }),
    );
    expect(results).toEqual({ ok: 1, 'FailedPrecondition CODE_ABSENT': 19 });
  });

  test('a wrong code is tried five times at most', async () => {
    const userId = await createHuman(server);
    const code = await leaveResetCode(server, userId, 'RACE01');
    const guess = (users: Clients['users'], code: string) =>
      users.updateHumanUser({
        userId,
        password: { ...password('Guessed-1'), verification: { case: 'verificationCode', value: code } },
      });
    expect(await race(50, (users, n) => guess(users, `GUESS${n}`))).toEqual({
      'InvalidArgument CODE_WRONG': 5,
      'ResourceExhausted TRIED_TOO_OFTEN': 45,
    });
    expect(await race(1, (users) => guess(users, code))).toEqual({ 'ResourceExhausted TRIED_TOO_OFTEN': 1 });
  });

  test('a current password that changes it does so once', async () => {
    const userId = await createHuman(server, password('Current-1'));
    const results = await race(10, (users, n) =>
      users.updateHumanUser({
        userId,
        password: { ...password(`Winner-${n}`), verification: { case: 'currentPassword', value: 'Current-1' } },
      }),
    );
    const { ok, 'InvalidArgument PASSWORD_WRONG': late = 0, 'ResourceExhausted TRIED_TOO_OFTEN': turnedAway = 0 } = results;
    expect({ ok, others: late + turnedAway }).toEqual({ ok: 1, others: 9 });
  });
});

test('a token that is used while its user is locked works before, and never after', async () => {
  const actor = await actAs(server, await createMachine(server, { organizationId: await createOrganization(server) }));
  const calls = Array.from({ length: 20 }, (_, n) => {
    if (n === 5) return outcome(server.as().users.lockUser({ userId: actor.id }));
    return outcome(actor.users.getUserByID({ userId: actor.id }));
  });
  for (const result of await Promise.all(calls)) expect(['ok', 'Unauthenticated UNAUTHENTICATED']).toContain(result);
  expect(await outcome(actor.users.getUserByID({ userId: actor.id }))).toBe('Unauthenticated UNAUTHENTICATED');
});
