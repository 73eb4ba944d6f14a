import { beforeAll, beforeEach, expect, test } from 'vitest';
import { isOutdated } from '../../src/kernel/crypto/hashes/hashes.ts';
import { createHuman, readHuman } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const password = 'Pässwörd-1 🔑';
/** Hashes of it that cost less than our own, made by Passlib and Python's hashlib. */
const imported = [
  '$2b$10$abcdefghijklmnopqrstuuxMiqtPY2SsTJvM1hmZQUuLLtxjumsri',
  '$argon2id$v=19$m=8192,t=1,p=2$cmFuZG9tc2FsdGlzaGFyZA$T0C1WOaKbTNNW8f4qh0VUguO31J/iGYx4Qcaxh1gQwc',
  '$pbkdf2-sha256$1000$cmFuZG9tc2FsdGlzaGFyZA$rtpDm.fG6VRV6e/HJcPmsKZT8jCQ0asDefcWj1KvENc',
  'f6523c94e195ed6476d837bed031b77e',
];
const [bcrypt = ''] = imported;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

beforeEach(() => server.setTime(epoch));

const importUser = (hash: string) =>
  createHuman(server, { passwordType: { case: 'hashedPassword', value: { hash, changeRequired: true } } });

async function storedHash(userId: string): Promise<string> {
  const [row] = await server.sql<{ hash: string }[]>`select hash from user_passwords where user_id = ${userId}`;
  return row?.hash ?? '';
}

async function rehashes(userId: string): Promise<number> {
  const [row] = await server.sql<{ times: number }[]>`select count(*)::int as times from user_events
    where user_id = ${userId} and type = 'password.rehashed'`;
  return row?.times ?? 0;
}

/** Shows a password; the new one is refused whatever it is, so that nothing else happens. */
const show = (userId: string, current: string) =>
  outcome(
    server.as().users.setPassword({
      userId,
      newPassword: { password: 'short' },
      verification: { case: 'currentPassword', value: current },
    }),
  );
const right = 'InvalidArgument PASSWORD_TOO_SHORT';
const wrong = 'InvalidArgument PASSWORD_WRONG';

test('a hash that covers only the beginning stays: what was typed behind it was never checked', async () => {
  const { hashSync } = await import('@node-rs/bcrypt');
  const long = `${'Aa1!'.repeat(18)} and more`;
  const hash = hashSync(long, { cost: 10 });
  const userId = await importUser(hash);
  expect(await show(userId, `${'Aa1!'.repeat(18)} mistyped`)).toBe(right);
  expect(await storedHash(userId)).toBe(hash);
});

test.each(imported)('%s is replaced when its password was right', async (hash) => {
  const userId = await importUser(hash);
  expect(await show(userId, 'Wrong-1')).toBe(wrong);
  expect(await storedHash(userId)).toBe(hash);
  expect(await show(userId, password)).toBe(right);
  expect(isOutdated(await storedHash(userId))).toBe(false);
  expect(await show(userId, 'Wrong-1')).toBe(wrong);
  expect(await show(userId, password)).toBe(right);
});

test('it is a change of its own: neither the age of the password nor what is required of it', async () => {
  const userId = await importUser(bcrypt);
  const before = await readHuman(server, userId);
  server.setTime(new Date(epoch.getTime() + 60_000));
  expect(await show(userId, password)).toBe(right);
  const after = await readHuman(server, userId);
  expect(after.details.sequence).toBe((before.details.sequence ?? 0n) + 1n);
  expect(after.details.changeDate?.seconds).toBe(BigInt(epoch.getTime() / 1000 + 60));
  expect(after.passwordChanged).toEqual(before.passwordChanged);
  expect(after.passwordChangeRequired).toBe(true);
  expect(await rehashes(userId)).toBe(1);
});

test('one of our own stays', async () => {
  const userId = await createHuman(server, { passwordType: { case: 'password', value: { password } } });
  const hash = await storedHash(userId);
  expect(await show(userId, password)).toBe(right);
  expect(await storedHash(userId)).toBe(hash);
  expect(await rehashes(userId)).toBe(0);
});

test('of many right ones at once one replaces it, and the password changes as it should', async () => {
  const userId = await importUser(bcrypt);
  expect(await Promise.all(Array.from({ length: 5 }, () => show(userId, password)))).toEqual(Array(5).fill(right));
  expect(await rehashes(userId)).toBe(1);
  const change = server.as().users.setPassword({
    userId,
    newPassword: { password: 'Another-1' },
    verification: { case: 'currentPassword', value: password },
  });
  expect(await outcome(change)).toBe('ok');
});

test('a change takes the imported password and its new hash in one call', async () => {
  const userId = await importUser(bcrypt);
  const change = (current: string, next: string) =>
    outcome(
      server.as().users.setPassword({
        userId,
        newPassword: { password: next },
        verification: { case: 'currentPassword', value: current },
      }),
    );
  expect(await change(password, 'Another-1')).toBe('ok');
  expect(await change('Another-1', 'Yet-Another-1')).toBe('ok');
});
