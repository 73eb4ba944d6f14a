// GetUserByID over each protocol beside the least that Node and Postgres can do: CPU per request of the service's process,
// of a bare answer and of a bare prepared select, in one run. `node bench/unary.ts [--seconds n] [--callers 1,16,64]`
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request as http1Request } from 'node:http';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { create, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { GetUserByIDRequestSchema } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { clusterUrl } from '../src/kernel/db/embedded/cluster.ts';
import { open } from './calls.ts';
import { type Case, casesFor } from './cases.ts';
import { prepareData } from './load.ts';
import { startBare, startService, type Target } from './service.ts';

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    callers: { type: 'string', default: '1,16,64' },
    seconds: { type: 'string', default: '4' },
    data: { type: 'string', default: 'node_modules/.cache/roster-bench' },
    only: { type: 'string', default: 'grpc,grpc-web,connect-json' },
    profile: { type: 'string' },
  },
});
const users = Number(values.users);
const seconds = Number(values.seconds);
const rounds = 2;
const dataDir = join(resolve(values.data), values.users);

interface Load {
  name: string;
  /** One call; throws unless the answer is right. */
  open(target: Target, callers: number): { call(n: number): Promise<unknown>; close(): void };
  bare: Target;
}

interface Cost {
  requests: number;
  server: number;
  postgres: number;
}

const warming = { callers: 16, requests: 6000 };

/** Until V8 has compiled what there is to compile. */
async function warmUp({ open }: Load, target: Target): Promise<void> {
  const connections = open(target, warming.callers);
  let left = warmed.has(target) ? warming.requests / 6 : warming.requests;
  const caller = async () => {
    while (left-- > 0) await connections.call(Math.floor(Math.random() * users));
  };
  await Promise.all(Array.from({ length: warming.callers }, caller));
  connections.close();
  warmed.add(target);
}

const warmed = new Set<Target>();

async function slice({ open }: Load, target: Target, callers: number, milliseconds: number): Promise<Cost> {
  const connections = open(target, callers);
  const before = target.cpu();
  const end = performance.now() + milliseconds;
  let requests = 0;
  const caller = async () => {
    for (; performance.now() < end; requests++) await connections.call(Math.floor(Math.random() * users));
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const after = target.cpu();
  connections.close();
  return { requests, server: after.server - before.server, postgres: after.postgres - before.postgres };
}

const sum = (costs: readonly Cost[]): Cost =>
  costs.reduce((a, b) => ({
    requests: a.requests + b.requests,
    server: a.server + b.server,
    postgres: a.postgres + b.postgres,
  }));

function overHttp2(reading: Case): Load['open'] {
  return (target, callers) => {
    const { call, close } = open(target, callers);
    return { call: (n) => call(reading.path, reading.request(n)), close };
  };
}

function overHttp1(type: string, path: string, body: (n: number) => Buffer): Load['open'] {
  return (target, callers) => {
    const agent = new Agent({ keepAlive: true, maxSockets: callers });
    const headers = { 'content-type': type, ...target.headers };
    const call = (n: number) =>
      new Promise<void>((resolve, reject) => {
        const content = body(n);
        const options = { agent, method: 'POST', headers: { ...headers, 'content-length': content.length } };
        const sent = http1Request(`${target.url}${path}`, options, (response) => {
          response.resume().on('end', () => {
            if (response.statusCode === 200) resolve();
            else reject(new Error(`answered ${response.statusCode}`));
          });
        });
        sent.on('error', reject).end(content);
      });
    return { call, close: () => agent.destroy() };
  };
}

const execute = promisify(execFile);

/** CPU in milliseconds of one bare select: of the process and of Postgres. */
async function bareSelect(url: string, callers: number, target: Target): Promise<Cost> {
  const before = target.cpu().postgres;
  const script = join(import.meta.dirname, 'bareSelect.ts');
  const { stdout } = await execute(process.execPath, [script, url, String(callers), String(seconds / rounds), values.users]);
  const { count, cpuMs, warmUp }: { count: number; cpuMs: number; warmUp: number } = JSON.parse(stdout);
  const postgres = (target.cpu().postgres - before) * (count / (count + warmUp));
  return { requests: count, server: cpuMs, postgres };
}

const micro = (value: number) => (value * 1000).toFixed(0);

async function main(): Promise<void> {
  await prepareData(dataDir, users, (text) => console.error(text));
  const service = await startService({ dataDir, profileDir: values.profile });
  const bare2 = await startBare();
  const bare1 = await startBare('bareHttp1.ts');
  const port = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]);
  const url = clusterUrl(port, readFileSync(join(dataDir, 'postgres.password'), 'utf8').trim());
  const reading = casesFor(users, '', '').find(({ key }) => key === 'get');
  if (!reading) throw new Error('no case to read with');
  const asJson = (n: number) => {
    const message = fromBinary(GetUserByIDRequestSchema, reading.request(n).subarray(5));
    return Buffer.from(toJsonString(GetUserByIDRequestSchema, create(GetUserByIDRequestSchema, message)));
  };
  const loads: Load[] = [
    { name: 'grpc', open: overHttp2(reading), bare: bare2 },
    { name: 'grpc-web', open: overHttp1('application/grpc-web+proto', reading.path, reading.request), bare: bare1 },
    { name: 'connect-json', open: overHttp1('application/json', reading.path, asJson), bare: bare1 },
  ].filter(({ name }) => values.only.split(',').includes(name));

  console.log(
    '| CPU µs per request | callers | requests/s | service | bare answer | bare select | ratio | Postgres | of the bare select |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const callers of values.callers.split(',').map(Number)) {
    for (const load of loads) {
      await warmUp(load, service);
      await warmUp(load, load.bare);
      const own: Cost[] = [];
      const least: Cost[] = [];
      const selects: Cost[] = [];
      for (let round = 0; round < rounds; round++) {
        own.push(await slice(load, service, callers, (seconds * 1000) / rounds));
        least.push(await slice(load, load.bare, callers, (seconds * 1000) / rounds));
        selects.push(await bareSelect(url, callers, service));
      }
      const [a, b, c] = [sum(own), sum(least), sum(selects)];
      const [server, answer, select] = [a.server / a.requests, b.server / b.requests, c.server / c.requests];
      const cells = [
        [load.name, callers, Math.round(a.requests / seconds), micro(server), micro(answer), micro(select)],
        [(server / (answer + select)).toFixed(2), micro(a.postgres / a.requests), micro(c.postgres / c.requests)],
      ];
      console.log(`| ${cells.flat().join(' | ')} |`);
    }
  }
  console.error('MB resident:', Math.round(service.memory() / 2 ** 20));
  await Promise.all([service.stop(), bare2.stop(), bare1.stop()]);
}

await main();
