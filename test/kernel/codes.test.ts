import { beforeAll, describe, expect, test } from 'vitest';
import { type Tx, transaction } from '../../src/kernel/call.ts';
import { checkCode, createCode, deleteCode, maximumFailures, type Purpose } from '../../src/kernel/codes/codes.ts';
import { randomText, upperDigits } from '../../src/kernel/codes/random.ts';
import { createHuman, homeOf } from '../support/actors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let home: string;

beforeAll(async () => {
  server = await startServer();
  home = await homeOf(server);
});

const minute = 60_000;
const nobody = {
  id: 'nobody',
  organizationId: '',
  type: 'machine',
  everywhere: new Set<never>(),
  within: new Map<string, never>(),
} as const;

/** Runs the work as a call would that comes so many minutes later. */
const work = <T>(job: (tx: Tx) => Promise<T>, minutes = 0): Promise<T> =>
  transaction(
    {
      ...server.app,
      caller: nobody,
      access: { on: 'token' },
      now: new Date(epoch.getTime() + minutes * minute),
      organizationId: home,
      subject: undefined,
      network: undefined,
    },
    job,
  );

const create = (userId: string, purpose: Purpose = 'email') => work(async (tx) => (await createCode(tx, userId, purpose)).code);
const check = (userId: string, code: string, purpose: Purpose = 'email', minutes = 0) =>
  work((tx) => checkCode(tx, userId, purpose, code), minutes);

describe('a code', () => {
  test.each(['email', 'phone', 'password', 'invite'] as const)(
    'for %s is six capitals and digits, right once',
    async (purpose) => {
      const userId = await createHuman(server);
      const code = await create(userId, purpose);
      expect(code).toMatch(/^[A-Z0-9]{6}$/);
      expect(await check(userId, code, purpose)).toBe('right');
      expect(await check(userId, code, purpose)).toBe('absent');
    },
  );

  test('is compared as it is', async () => {
    const userId = await createHuman(server);
    const code = await create(userId);
    for (const wrong of [` ${code}`, `${code} `, code.slice(1), `${code}A`]) expect(await check(userId, wrong)).toBe('wrong');
    expect(await check(userId, code)).toBe('right');
  });

  test('replaces the one before, and its count', async () => {
    const userId = await createHuman(server);
    const old = await create(userId);
    for (let wrong = 1; wrong < maximumFailures; wrong++) await check(userId, 'WRONG');
    const code = await create(userId);
    expect(await check(userId, old)).toBe('wrong');
    expect(await check(userId, code)).toBe('right');
  });

  test('is for its user and its purpose only, and no other use consumes it', async () => {
    const [userId, other] = [await createHuman(server), await createHuman(server)];
    const code = await create(userId);
    expect(await check(other, code)).toBe('absent');
    expect(await check(userId, code, 'phone')).toBe('absent');
    await create(other);
    await create(userId, 'phone');
    expect(await check(other, code)).toBe('wrong');
    expect(await check(userId, code, 'phone')).toBe('wrong');
    expect(await check(userId, code)).toBe('right');
  });

  test('lives an hour, which wrong tries do not prolong', async () => {
    const userId = await createHuman(server);
    const code = await create(userId);
    expect(await check(userId, 'WRONG', 'email', 59)).toBe('wrong');
    expect(await check(userId, code, 'email', 61)).toBe('absent');
    expect(await check(userId, 'WRONG', 'email', 61)).toBe('absent');
    expect(await check(userId, code, 'email', 59)).toBe('right');
  });

  test('is dead after five wrong tries', async () => {
    const userId = await createHuman(server);
    const code = await create(userId);
    expect(maximumFailures).toBe(5);
    for (let wrong = 0; wrong < maximumFailures; wrong++) expect(await check(userId, 'WRONG')).toBe('wrong');
    expect(await check(userId, 'WRONG')).toBe('absent');
    expect(await check(userId, code)).toBe('absent');
  });

  test('is still right when the call that used it is undone', async () => {
    const userId = await createHuman(server);
    const code = await create(userId);
    const undone = work(async (tx) => {
      expect(await checkCode(tx, userId, 'email', code)).toBe('right');
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await check(userId, code)).toBe('right');
  });

  test('can be taken back', async () => {
    const userId = await createHuman(server);
    const code = await create(userId);
    await work((tx) => deleteCode(tx, userId, 'email'));
    expect(await check(userId, code)).toBe('absent');
  });

  test('is consumed once by fifty at once, and tried five times at most', async () => {
    const userId = await createHuman(server);
    const code = await create(userId);
    const right = await Promise.all(Array.from({ length: 50 }, () => check(userId, code)));
    expect(right.filter((one) => one === 'right')).toHaveLength(1);
    expect(right.filter((one) => one === 'absent')).toHaveLength(49);
    const next = await create(userId);
    const wrong = await Promise.all(Array.from({ length: 50 }, () => check(userId, 'WRONG')));
    expect(wrong.filter((one) => one === 'wrong')).toHaveLength(maximumFailures);
    expect(await check(userId, next)).toBe('absent');
  });
});

test('every character of an alphabet is drawn, each about as often', () => {
  const drawn = 36_000;
  const counts = new Map<string, number>();
  for (const character of randomText(upperDigits, drawn)) counts.set(character, (counts.get(character) ?? 0) + 1);
  expect([...counts.keys()].sort().join('')).toBe([...upperDigits].sort().join(''));
  // Ten standard deviations: chance does not get there.
  const deviation = Math.sqrt(drawn / upperDigits.length);
  for (const count of counts.values()) expect(Math.abs(count - drawn / upperDigits.length)).toBeLessThan(10 * deviation);
});
