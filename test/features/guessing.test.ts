import { ConnectError } from '@connectrpc/connect';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { createHuman } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const wrong = 'InvalidArgument PASSWORD_WRONG';
const tooOften = 'ResourceExhausted TRIED_TOO_OFTEN';

let server: TestServer;
let userId: string;

beforeAll(async () => {
  server = await startServer();
});

beforeEach(async () => {
  server.setTime(epoch);
  userId = await createHuman(server, { passwordType: { case: 'password', value: { password: 'Current-1' } } });
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

async function looks(): Promise<number> {
  const [row] = await server.sql<{ looks: number }[]>`select count(*)::int as looks from user_events
    where user_id = ${userId} and type = 'password.check.failed'`;
  return row?.looks ?? 0;
}

test('of fifty wrong passwords at once five are looked at, and the right one waits as well', async () => {
  const outcomes = await Promise.all(Array.from({ length: 50 }, guess));
  expect(outcomes.filter((each) => each === wrong)).toHaveLength(5);
  expect(outcomes.filter((each) => each === tooOften)).toHaveLength(45);
  expect(await looks()).toBe(5);
  expect(await outcome(change('Current-1'))).toBe(tooOften);
});

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
  userId = await createHuman(server, { passwordType: { case: 'password', value: { password: 'Current-1' } } });
  expect(await guess()).toBe(wrong);
});
