// What a process owes to its callers and to those beside it: the end by a signal, two replicas, Postgres away.

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { pino } from 'pino';
import postgres from 'postgres';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../gen/grpc/health/v1/health_pb.ts';
import { UserService } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { startEmbedded } from '../src/kernel/db/embedded.ts';
import { createDatabase } from './support/database.ts';
import { outcome } from './support/errors.ts';
import { addressOf, end, startRoster, tokenIn, usersAt } from './support/process.ts';
import { startRelay } from './support/relay.ts';
import { scratch } from './support/scratch.ts';

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(scratch, 'roster-restart-'));
  return () => rm(base, { recursive: true, force: true });
});

const folder = (name: string) => join(base, name);

async function database(): Promise<string> {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  return url;
}

const human = (name: string) =>
  ({
    profile: { givenName: name, familyName: 'Lovelace' },
    email: { email: `${name}@example.com`, verification: { case: 'isVerified', value: true } },
  }) as const;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

test('SIGTERM lets the running call finish, refuses new ones, and says so before', async () => {
  const env = { ROSTER_DATA: folder('drained'), DATABASE_URL: await database() };
  const child = startRoster(env);
  const address = await addressOf(child);
  const users = await usersAt(child, await tokenIn(env.ROSTER_DATA));
  const { userId } = await users.addHumanUser(human('grace'));
  const health = createClient(Health, createGrpcTransport({ baseUrl: address }));
  const watch = health.watch({})[Symbol.asyncIterator]();
  expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });

  const sql = postgres(env.DATABASE_URL, { max: 2, onnotice: () => {} });
  onTestFinished(() => sql.end());
  const waiting = () => sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  let running: Promise<unknown> = Promise.resolve();
  await sql.begin(async (tx) => {
    await tx`select from users where id = ${userId} for update`;
    running = users.lockUser({ userId });
    await until(async () => (await waiting()).length > 0);
    child.process.kill('SIGTERM');
    expect((await watch.next()).value).toMatchObject({ status: Status.NOT_SERVING });
    await until(async () => (await fetch(`${address}/healthz`).catch(() => undefined)) === undefined);
    const another = createClient(UserService, createConnectTransport({ baseUrl: address, httpVersion: '1.1' }));
    expect(ConnectError.from(await another.listUsers({}).catch((error: unknown) => error)).code).toBe(Code.Unavailable);
    expect(child.process.exitCode).toBeNull();
  });
  await running;
  expect(await child.exited).toBe(0);
  expect(await sql`select state from users where id = ${userId}`).toEqual([{ state: 'locked' }]);
});

test('two replicas of one database: each sees at once what the other did', async () => {
  const shared = { DATABASE_URL: await database(), ROSTER_MASTER_KEY: '5a'.repeat(32) };
  const folders = [folder('one'), folder('two')];
  // Started at the same moment: one of them makes the instance.
  const children = folders.map((data) => startRoster({ ...shared, ROSTER_DATA: data }));
  await Promise.all(children.map(addressOf));
  const tokens = (await Promise.all(folders.map((data) => tokenIn(data).catch(() => '')))).filter((token) => token !== '');
  expect(tokens).toHaveLength(1);
  const [token = ''] = tokens;
  const [one, two] = await Promise.all(children.map((child) => usersAt(child, token)));
  if (!one || !two) throw new Error('two replicas were started');

  const { userId } = await one.addHumanUser(human('joan'));
  expect((await two.getUserByID({ userId })).user?.preferredLoginName).toBe('joan@example.com');
  await two.updateHumanUser({ userId, profile: { givenName: 'Joan E.', familyName: 'Clarke' } });
  expect(
    (await one.listUsers({ queries: [{ query: { case: 'lastNameQuery', value: { lastName: 'Clarke' } } }] })).result,
  ).toHaveLength(1);

  const organizationId = (await one.getUserByID({ userId })).user?.details?.resourceOwner ?? '';
  const machine = { case: 'machine', value: { name: 'Robot' } } as const;
  const { id: machineId } = await one.createUser({ organizationId, userType: machine });
  const { token: own } = await two.addPersonalAccessToken({ userId: machineId, expirationDate: { seconds: 4102444800n } });
  const asMachine = await Promise.all(children.map((child) => usersAt(child, own)));
  const outcomes = () => Promise.all(asMachine.map((users) => outcome(users.getUserByID({ userId: machineId }))));
  expect(await outcomes()).toEqual(['ok', 'ok']);
  await one.deactivateUser({ userId: machineId });
  expect(await outcomes()).toEqual(['Unauthenticated UNAUTHENTICATED', 'Unauthenticated UNAUTHENTICATED']);
  await two.reactivateUser({ userId: machineId });
  expect(await outcomes()).toEqual(['ok', 'ok']);
  for (const child of children) expect(await end(child)).toBe(0);
});

test('Postgres stopped under load: UNAVAILABLE that tells nothing but a request id, and all well when it is back', async () => {
  const postgresFolder = folder('their-postgres');
  const start = () => startEmbedded({ dataDir: postgresFolder, log: pino({ level: 'silent' }), settings: { fsync: 'off' } });
  const between = await startRelay();
  let embedded = await start();
  onTestFinished(() => embedded.stop());
  between.to(Number(new URL(embedded.url).port));
  const url = new URL(embedded.url);
  url.port = String(between.port);
  const data = folder('under-load');
  const child = startRoster({ ROSTER_DATA: data, DATABASE_URL: url.href });
  const address = await addressOf(child);
  const token = await tokenIn(data);
  const users = await usersAt(child, token);
  const { userId } = await users.addHumanUser(human('edsger'));
  const health = createClient(Health, createGrpcTransport({ baseUrl: address }));

  const errors: ConnectError[] = [];
  let answered = 0;
  let loaded = true;
  let round = 0;
  const calls = [
    () => users.getUserByID({ userId }),
    () => users.listUsers({}),
    () => users.updateHumanUser({ userId, profile: { givenName: `Edsger ${round}`, familyName: 'Dijkstra' } }),
    () => users.setUserMetadata({ userId, metadata: [{ key: 'round', value: Buffer.from(String(round)) }] }),
  ];
  const load = [...calls, ...calls].map(async (call) => {
    for (; loaded; round++) {
      await call().then(
        () => answered++,
        async (error: unknown) => {
          errors.push(ConnectError.from(error));
          await sleep(50);
        },
      );
    }
  });
  await until(async () => answered > 20);

  await embedded.stop();
  await until(async () => errors.length > 20);
  await until(async () => (await fetch(`${address}/readyz`)).status === 503);
  expect(await (await fetch(`${address}/readyz`)).json()).toMatchObject({ ready: false, checks: { database: false } });
  expect((await health.check({})).status).toBe(Status.NOT_SERVING);
  expect((await fetch(`${address}/healthz`)).status).toBe(200);

  embedded = await start();
  between.to(Number(new URL(embedded.url).port));
  await until(async () => (await fetch(`${address}/readyz`)).status === 200);
  // A look that began while Postgres was away may end only now, and hold until the next one.
  await until(async () => (await health.check({})).status === Status.SERVING);
  const before = answered;
  await until(async () => answered > before + 20);
  loaded = false;
  await Promise.all(load);
  // Every connection of the pool is sound again, once the driver has told of each end.
  await until(async () => {
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => outcome(users.getUserByID({ userId }))));
    return outcomes.every((one) => one === 'ok');
  });

  for (const error of errors) {
    const [info] = error.findDetails(ErrorInfoSchema);
    const request = info?.metadata.request ?? '';
    expect(request, String(error)).toMatch(/^[0-9a-f-]{36}$/);
    expect(error.message).toBe(`[unavailable] The service cannot answer now; try again. Request ${request}. (UNAVAILABLE)`);
    expect(info?.metadata).toEqual({ request });
    expect(error.details).toHaveLength(2);
    expect(child.output()).toContain(request);
  }
  expect(child.output()).not.toContain(url.password);
  expect(await end(child)).toBe(0);
});
