// Several processes behind one port, as an operator has them: they answer together, count together, end together; one that dies
// is replaced, and none is left behind.
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { createDatabase } from './support/database.ts';
import { addressOf, type Child, end, startRoster, tokenIn, usersAt } from './support/process.ts';
import { scratch } from './support/scratch.ts';

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(scratch, 'roster-workers-'));
  return () => rm(base, { recursive: true, force: true });
});

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    await sleep(20);
  }
}

/** The processes of a service's workers. */
async function workersOf(child: Child): Promise<number[]> {
  const found = await promisify(execFile)('pgrep', ['-P', String(child.process.pid)]).catch(() => ({ stdout: '' }));
  return found.stdout.trim().split('\n').filter(Boolean).map(Number);
}

/** How many of the processes run; one that has ended and was not fetched by its parent does not. */
async function running(pids: readonly number[]): Promise<number> {
  const found = await promisify(execFile)('ps', ['-o', 'stat=', '-p', pids.join(',')]).catch(() => ({ stdout: '' }));
  return found.stdout.split('\n').filter((state) => /^[^Z\s]/.test(state.trim())).length;
}

const allGone = (pids: readonly number[]) => until(async () => (await running(pids)) === 0);

interface Service {
  child: Child;
  address: string;
  token: string;
  pids: number[];
}

/** Two workers that both listen. */
async function twoWorkers(name: string, env: NodeJS.ProcessEnv = {}): Promise<Service & { databaseUrl: string }> {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const data = join(base, name);
  const child = startRoster({ ROSTER_WORKERS: '2', ROSTER_DATA: data, DATABASE_URL: url, ...env });
  const address = await addressOf(child);
  await until(async () => (await metric(address, 'roster_workers')).total === 2);
  return { child, address, token: await tokenIn(data), pids: await workersOf(child), databaseUrl: url };
}

/** The values of a metric, by label and added up. Asked on a connection of its own, which any worker may take. */
async function metric(address: string, name: string): Promise<{ total: number; values: number[] }> {
  const response = await fetch(`${address}/metrics`, { headers: { connection: 'close' } });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const values = lines.map((line) => Number(line.split(' ').at(-1)));
  return { total: values.reduce((sum, value) => sum + value, 0), values };
}

const human = (name: string) =>
  ({
    profile: { givenName: name, familyName: 'Lovelace' },
    email: { email: `${name}@example.com`, verification: { case: 'isVerified', value: true } },
  }) as const;

test('both answer; when one is killed the callers of the other notice nothing, it is replaced, and its counts are not lost', async () => {
  const { child, address, token, pids } = await twoWorkers('killed', { ROSTER_TRIES_PER_NETWORK: '10' });
  const clients = await Promise.all(Array.from({ length: 4 }, () => usersAt(child, token)));
  for (const users of clients) await users.listUsers({});
  const { values } = await metric(address, 'roster_connections');
  expect(Math.min(...values)).toBeGreaterThanOrEqual(2);

  const old = () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', connection: 'close' };
    return fetch(`${address}/zitadel.management.v1.ManagementService/GetHumanProfile`, {
      method: 'POST',
      headers,
      body: '{"userId":"1"}',
    });
  };
  for (let n = 0; n < 6; n++) expect((await old()).status).toBe(404);
  // Whichever worker is asked.
  for (let n = 0; n < 2; n++) expect((await metric(address, 'roster_deprecated_calls_total')).total).toBe(6);

  const guess = async () => {
    const headers = { authorization: 'Bearer nothing', 'content-type': 'application/json', connection: 'close' };
    return (await fetch(`${address}/zitadel.user.v2.UserService/ListUsers`, { method: 'POST', headers, body: '{}' })).status;
  };
  const guesses: number[] = [];
  for (let n = 0; n < 20; n++) guesses.push(await guess());
  // A try counts at the other worker when that has heard of it, mostly before the next one comes.
  expect(guesses.filter((status) => status === 401).length).toBeLessThan(15);
  expect(guesses.at(-1)).toBe(429);

  const failures = clients.map(() => 0);
  const answers = clients.map(() => 0);
  const count = (counts: number[], n: number) => {
    counts[n] = (counts[n] ?? 0) + 1;
  };
  let loaded = true;
  const callers = clients.map(async (users, n) => {
    while (loaded) {
      await users.listUsers({}).then(
        () => count(answers, n),
        () => count(failures, n),
      );
    }
  });
  await until(async () => answers.every((count) => count > 3));
  process.kill(pids[0] ?? 0, 'SIGKILL');
  await child.line('a worker has ended');
  await until(async () => (await metric(address, 'roster_workers')).total === 2);
  const before = [...answers];
  await until(async () => answers.every((count, n) => count > (before[n] ?? 0) + 3));
  loaded = false;
  await Promise.all(callers);
  expect(failures.filter((count) => count === 0).length).toBeGreaterThanOrEqual(2);
  expect((await metric(address, 'roster_worker_ends_total')).total).toBe(1);
  expect((await metric(address, 'roster_deprecated_calls_total')).total).toBe(6);
  expect(await workersOf(child)).toHaveLength(2);
  expect(await end(child)).toBe(0);
  await allGone(pids);
});

/** Calls that wait for locks, on so many connections, until they are let go. */
async function heldCalls({ child, token, databaseUrl }: Service & { databaseUrl: string }, count: number) {
  const admin = await usersAt(child, token);
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} });
  onTestFinished(() => sql.end({ timeout: 0 }));
  const names = Array.from({ length: count }, (_, n) => `user${n}`);
  const ids = await Promise.all(names.map(async (name) => (await admin.addHumanUser(human(name))).userId));
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const held = sql.begin(async (tx) => {
    await tx`select from users where id in ${tx(ids)} for update`;
    locked.resolve();
    await released;
  });
  await Promise.race([locked.promise, held]);
  const calls = ids.map(async (userId) => (await usersAt(child, token)).lockUser({ userId }));
  const waiting = () => sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await until(async () => (await waiting()).length === count);
  const letGo = async () => {
    release();
    await held;
  };
  return { calls, letGo };
}

test('SIGTERM lets calls under way end in both, and leaves nothing behind', async () => {
  const service = await twoWorkers('drained');
  const { calls, letGo } = await heldCalls(service, 4);
  const { values } = await metric(service.address, 'roster_connections');
  expect(Math.min(...values)).toBeGreaterThanOrEqual(2);
  service.child.process.kill('SIGTERM');
  await until(async () => (await fetch(`${service.address}/healthz`).catch(() => undefined)) === undefined);
  expect(await running(service.pids)).toBe(2);
  await letGo();
  await Promise.all(calls);
  expect(await service.child.exited).toBe(0);
  expect(await running(service.pids)).toBe(0);
});

test('a second signal ends all at once; without their supervisor workers leave', async () => {
  const [hurried, orphaned] = await Promise.all([twoWorkers('hurried'), twoWorkers('orphaned')]);
  const { calls, letGo } = await heldCalls(hurried, 2);
  // What a client makes of a connection that breaks after a GOAWAY is its own affair.
  for (const call of calls) call.catch(() => {});
  hurried.child.process.kill('SIGTERM');
  await hurried.child.line('stopping:');
  expect(await end(hurried.child)).toBe(1);
  await allGone(hurried.pids);
  await letGo();

  await end(orphaned.child, 'SIGKILL');
  await allGone(orphaned.pids);
});

test('a worker that cannot start again ends the service, which says why', async () => {
  const certificate = join(base, 'cert.pem');
  const support = (name: string) => fileURLToPath(new URL(`support/tls/${name}.pem`, import.meta.url));
  await copyFile(support('cert'), certificate);
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const child = startRoster({
    ...{ ROSTER_WORKERS: '2', ROSTER_DATA: join(base, 'failing'), DATABASE_URL: url },
    ...{ ROSTER_TLS_CERT: certificate, ROSTER_TLS_KEY: support('key') },
  });
  await addressOf(child);
  const pids = await until(async () => {
    const found = await workersOf(child);
    return found.length === 2 && found;
  });
  await rm(certificate);
  process.kill(pids[0] ?? 0, 'SIGKILL');
  expect(await child.exited).toBe(1);
  await allGone(pids);
  expect(child.output()).toMatch(/Roster has to end.+ROSTER_TLS_CERT/s);
});

test('a process that is alone has no supervisor', async () => {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const child = startRoster({ ROSTER_WORKERS: '1', ROSTER_DATA: join(base, 'alone'), DATABASE_URL: url });
  const address = await addressOf(child);
  expect(await workersOf(child)).toEqual([]);
  expect(await metric(address, 'roster_workers')).toEqual({ total: 1, values: [1] });
  expect(await end(child)).toBe(0);
});
