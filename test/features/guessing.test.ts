import { ConnectError } from '@connectrpc/connect';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { runInPool } from '../../src/kernel/crypto/hashes/pool.ts';
import { TryLimits } from '../../src/kernel/networks.ts';
import {
  type Actor,
  actAs,
  createHuman,
  createInstanceManager,
  createManager,
  createStranger,
  grant,
  homeOf,
  knownPassword,
  leaveCode,
  readState,
} from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { type Memory, remember } from '../support/isolation/memory.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const wrong = 'InvalidArgument PASSWORD_WRONG';
const tooOften = 'ResourceExhausted TRIED_TOO_OFTEN';
const returned = { case: 'returnCode', value: {} } as const;
const unverified = (email: string) => ({ email, verification: { case: 'isVerified', value: false } }) as const;

let server: TestServer;
let userId: string;
let known: string;
let memory: Memory;

beforeAll(async () => {
  server = await startServer();
  known = await createHuman(server, { passwordType: await knownPassword('Current-1') });
  memory = await remember(server.sql);
});

beforeEach(async () => {
  server.setTime(epoch);
  // What the network has left was counted at other times.
  server.app.tryLimits = new TryLimits(100);
  await memory.undo();
  userId = known;
});

const change = (current: string, next = 'Another-1') =>
  server.as().users.updateUser({
    userId,
    userType: {
      case: 'human',
      value: {
        password: {
          passwordType: { case: 'password', value: { password: next } },
          verification: { case: 'currentPassword', value: current },
        },
      },
    },
  });

const guess = () => outcome(change('Wrong-1'));
const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const guessTimes = async (times: number) => {
  for (let n = 0; n < times; n++) expect(await guess()).toBe(wrong);
};

test('the wait is told, and doubles with each wrong try up to ten minutes', async () => {
  await guessTimes(5);
  let time = 0;
  for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]) {
    const error = await change('Wrong-1').catch((thrown: unknown) => ConnectError.from(thrown));
    const [retry] = error instanceof ConnectError ? error.findDetails(RetryInfoSchema) : [];
    expect(Number(retry?.retryDelay?.seconds)).toBe(wait);
    later(time + wait - 0.001);
    expect(await guess()).toBe(tooOften);
    time += wait;
    later(time);
    expect(await guess()).toBe(wrong);
  }
});

test('the right password after the wait begins anew', async () => {
  await guessTimes(5);
  later(1);
  expect(await outcome(change('Current-1'))).toBe('ok');
  await guessTimes(5);
});

test('an unlock and a new password forgive; who needs no proof never waits', async () => {
  const { users } = server.as();
  await guessTimes(5);
  await users.lockUser({ userId });
  await users.unlockUser({ userId });
  await guessTimes(5);
  const password = { passwordType: { case: 'password', value: { password: 'Given-1!' } } } as const;
  expect(await outcome(users.updateUser({ userId, userType: { case: 'human', value: { password } } }))).toBe('ok');
  await guessTimes(5);
  expect(await guess()).toBe(tooOften);
});

test('a user who was switched off and on again waits as before', async () => {
  const { users } = server.as();
  await guessTimes(5);
  await users.deactivateUser({ userId });
  await users.reactivateUser({ userId });
  expect(await guess()).toBe(tooOften);
});

test('each user has a counter of his own', async () => {
  await guessTimes(5);
  userId = await createHuman(server, { passwordType: await knownPassword('Current-1') });
  expect(await guess()).toBe(wrong);
});

describe('the network of a caller who does not see the user', () => {
  const tries = 12;
  const unknown = 'NotFound USER_NOT_FOUND';
  let behind: TestServer;
  let address = 0;

  beforeAll(async () => {
    behind = await startServer({ env: { ROSTER_TRUSTED_PROXIES: '127.0.0.1', ROSTER_TRIES_PER_NETWORK: String(tries) } });
  });

  const from = (network: string, token: string) => behind.as(token, { headers: { 'x-forwarded-for': network } }).users;
  const fresh = () => `198.51.100.${++address}`;
  const withPassword = async () => createHuman(behind, { passwordType: await knownPassword('Current-1') });
  const bring = (network: string, token: string, userId: string, current: string) =>
    outcome(
      from(network, token).setPassword({
        userId,
        newPassword: { password: 'short' },
        verification: { case: 'currentPassword', value: current },
      }),
    );

  test('has a number of wrong tries for all users together, known or not', async () => {
    const { token } = await createStranger(behind);
    const network = fresh();
    const known = await Promise.all(Array.from({ length: tries / 2 }, withPassword));
    for (const userId of known) expect(await bring(network, token, userId, 'Wrong-1')).toBe(unknown);
    for (let n = 0; n < tries / 2; n++) expect(await bring(network, token, `nobody ${n}`, 'Wrong-1')).toBe(unknown);
    const another = await withPassword();
    expect(await bring(network, token, another, 'Current-1')).toBe(tooOften);
    expect(await bring(network, token, 'nobody', 'Wrong-1')).toBe(tooOften);
    expect(await bring(fresh(), token, another, 'Wrong-1')).toBe(unknown);
  });

  test('pays neither for what is right, nor for what was not looked at', async () => {
    const { token } = await createStranger(behind);
    const network = fresh();
    const userId = await withPassword();
    for (let n = 0; n < 2 * tries; n++) {
      expect(await bring(network, token, userId, 'Current-1')).toBe('InvalidArgument PASSWORD_TOO_SHORT');
    }
    for (let n = 0; n < 5; n++) expect(await bring(network, token, userId, 'Wrong-1')).toBe(unknown);
    for (let n = 0; n < 2 * tries; n++) expect(await bring(network, token, userId, 'Wrong-1')).toBe(tooOften);
    for (let n = 5; n < tries; n++) expect(await bring(network, token, `somebody ${n}`, 'Wrong-1')).toBe(unknown);
    expect(await bring(network, token, 'somebody else', 'Wrong-1')).toBe(tooOften);
  });

  test("pays for the wrong codes of its people's apps as well", async () => {
    const network = fresh();
    const verify = async (userId: string) =>
      outcome(from(network, (await actAs(behind, userId)).token).verifyTOTPRegistration({ userId, code: 'wrong' }));
    for (let n = 0; n < tries; n++) {
      const userId = await createHuman(behind);
      await behind.as().users.registerTOTP({ userId });
      expect(await verify(userId)).toBe('InvalidArgument CODE_WRONG');
    }
    const another = await createHuman(behind);
    await behind.as().users.registerTOTP({ userId: another });
    expect(await verify(another)).toBe(tooOften);
  });

  test('is not that of a service which passes on what people typed', async () => {
    const network = fresh();
    for (let n = 0; n < tries; n++) expect(await bring(network, behind.token, await withPassword(), 'Wrong-1')).toBe(wrong);
    expect(await bring(network, behind.token, await withPassword(), 'Wrong-1')).toBe(wrong);
  });
});

describe('a stranger', () => {
  const wrongCode = 'NotFound USER_NOT_FOUND';

  test('cannot kill a code from one network before its owner has used it', async () => {
    const { users: stranger } = await createStranger(server);
    for (let round = 0; round < 3; round++) {
      const { verificationCode = '' } = await server.as().users.sendEmailCode({ userId, verification: returned });
      const guesses = await Promise.all(
        Array.from({ length: 20 }, () => outcome(stranger.verifyEmail({ userId, verificationCode: 'WRONG1' }))),
      );
      expect(guesses.filter((each) => each === wrongCode)).toHaveLength(round === 0 ? 4 : 0);
      expect(await outcome(server.as().users.verifyEmail({ userId, verificationCode }))).toBe('ok');
    }
    later(120);
    expect(await outcome(stranger.verifyEmail({ userId, verificationCode: 'WRONG1' }))).toBe(wrongCode);
    expect(await outcome(stranger.verifyEmail({ userId, verificationCode: 'WRONG1' }))).toBe(tooOften);
  });

  test('who is right is not slowed, however many he is right for at once', async () => {
    const { users: stranger } = await createStranger(server);
    const ids = await Promise.all(Array.from({ length: 110 }, () => createHuman(server)));
    for (const id of ids) await leaveCode(server, id, 'email', 'RIGHT1');
    const outcomes = await Promise.all(
      ids.map((id) => outcome(stranger.verifyEmail({ userId: id, verificationCode: 'RIGHT1' }))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
  });
});

describe('somebody himself', () => {
  test('guesses no more often for having new codes sent, and cannot have them sent without end', async () => {
    const self = await actAs(server, await createHuman(server, { email: unverified('self@example.net') }));
    const wrongOnes: string[] = [];
    const sends: string[] = [];
    for (let round = 0; round < 12; round++) {
      sends.push(await outcome(self.users.sendEmailCode({ userId: self.id })));
      wrongOnes.push(await outcome(self.users.verifyEmail({ userId: self.id, verificationCode: 'WRONG1' })));
    }
    expect(sends).toEqual([...Array(10).fill('ok'), ...Array(2).fill('ResourceExhausted SENT_TOO_OFTEN')]);
    expect(wrongOnes.filter((each) => each !== tooOften)).toHaveLength(5);
    later(360);
    expect(await outcome(self.users.sendEmailCode({ userId: self.id }))).toBe('ok');
  });
});

test('a try that there was no time for is none', async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const full = Promise.allSettled(Array.from({ length: 1000 }, () => runInPool(() => opened)));
  for (let n = 0; n < 7; n++) expect(await outcome(change('Current-1'))).toBe('ResourceExhausted HASHING_BUSY');
  open();
  await full;
  expect(await outcome(change('Current-1'))).toBe('ok');
});

describe('a lock-out, where the operator wants one', () => {
  const limit = 3;
  let strict: TestServer;
  let home: string;

  beforeAll(async () => {
    strict = await startServer({ env: { ROSTER_LOCK_AFTER_PASSWORD_TRIES: String(limit) } });
    home = await homeOf(strict);
  });

  const withPassword = async () => createHuman(strict, { passwordType: await knownPassword('Current-1') });
  const bring = (userId: string, current: string, as = strict.as()) =>
    outcome(
      as.users.setPassword({
        userId,
        newPassword: { password: 'short' },
        verification: { case: 'currentPassword', value: current },
      }),
    );
  const right = 'InvalidArgument PASSWORD_TOO_SHORT';

  test('comes with the last wrong one of a row, in one step with it, and goes with an unlock', async () => {
    const userId = await withPassword();
    for (let n = 1; n < limit; n++) expect(await bring(userId, 'Wrong-1')).toBe(wrong);
    expect(await bring(userId, 'Current-1')).toBe(right);
    for (let n = 1; n < limit; n++) expect(await bring(userId, 'Wrong-1')).toBe(wrong);
    expect(await readState(strict, userId)).toBe(UserState.ACTIVE);
    expect(await bring(userId, 'Wrong-1')).toBe(wrong);
    expect(await readState(strict, userId)).toBe(UserState.LOCKED);
    const events = await strict.sql<{ type: string; tx: string }[]>`select type, xmin::text as tx from user_events
      where user_id = ${userId} order by sequence desc limit 2`;
    expect(events.map(({ type }) => type)).toEqual(['state.changed', 'password.check.failed']);
    expect(events[0]?.tx).toBe(events[1]?.tx);
    await strict.as().users.unlockUser({ userId });
    expect(await bring(userId, 'Wrong-1')).toBe(wrong);
    expect(await readState(strict, userId)).toBe(UserState.ACTIVE);
  });

  test('comes once, however many try at once', async () => {
    const userId = await withPassword();
    await Promise.all(Array.from({ length: 20 }, () => bring(userId, 'Wrong-1')));
    expect(await readState(strict, userId)).toBe(UserState.LOCKED);
    const [row] = await strict.sql<{ locks: number }[]>`select count(*)::int as locks from user_events
      where user_id = ${userId} and type = 'state.changed'`;
    expect(row?.locks).toBe(1);
  });

  test('does not touch who has no password, is inactive, or is the last owner who can act', async () => {
    const stranger = await createStranger(strict);
    const without = await createHuman(strict);
    for (let n = 0; n < limit; n++) expect(await bring(without, 'Wrong-1', stranger)).toBe('NotFound USER_NOT_FOUND');
    expect(await readState(strict, without)).toBe(UserState.ACTIVE);

    const inactive = await withPassword();
    await strict.as().users.deactivateUser({ userId: inactive });
    for (let n = 0; n < limit; n++) expect(await bring(inactive, 'Wrong-1')).toBe(wrong);
    expect(await readState(strict, inactive)).toBe(UserState.INACTIVE);

    const [owner, manager] = [await withPassword(), await createManager(strict, ['ORG_OWNER'], home)];
    await grant(strict, owner, ['IAM_OWNER']);
    for (let n = 0; n < limit; n++) await bring(owner, 'Wrong-1', manager);
    expect(await readState(strict, owner)).toBe(UserState.LOCKED);
    await strict.as().users.unlockUser({ userId: owner });
    await strict.sql`update instance_members set roles = '{IAM_OWNER_VIEWER}' where user_id <> ${owner}`;
    for (let n = 0; n < limit; n++) await bring(owner, 'Wrong-1', manager);
    expect(await readState(strict, owner)).toBe(UserState.ACTIVE);
  });
});

describe('who is right many times at once', () => {
  const signIn = (login: Actor) => {
    const checks = { user: { search: { case: 'userId', value: userId } }, password: { password: 'Current-1' } } as const;
    return outcome(login.sessions.createSession({ checks }));
  };

  test('never waits for the tries of the others', async () => {
    const login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => signIn(login)));
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
    expect(await server.sql`select failures from guesses where user_id = ${userId}`).toEqual([]);
  });

  test('nor where another call was counted first that began later', async () => {
    const login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
    await guessTimes(1);
    await server.sql`update guesses set last_at = ${new Date(epoch.getTime() + 3000)} where user_id = ${userId}`;
    expect(await signIn(login)).toBe('ok');
  });
});
