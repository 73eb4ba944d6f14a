// The processes under measurement, each a child of this one: the service with its Postgres, and the bare server.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childrenOf, cpuOf, cpuOfFamily, residentBytes } from './processes.ts';

export interface Cpu {
  /** Milliseconds. */
  server: number;
  postgres: number;
}

/** Where a target is asked, and what each request brings. */
export interface Address {
  url: string;
  headers: Record<string, string>;
}

export interface Target extends Address {
  cpu(): Cpu;
  /** Of the largest process, in bytes. */
  memory(): number;
  /** The processes that answer. */
  workers: number[];
  supervisor?: number | undefined;
  stop(): Promise<void>;
}

const startMs = 60_000;
const pollMs = 50;
/** The flags that `npm start` runs the service with. */
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const startFlags: string[] = scripts.start.split(' ').slice(1, -1);
const inRepository = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

interface Start {
  dataDir: string;
  /** One unless told otherwise: figures are those of one process. */
  workers?: number;
  /** Where a CPU profile is left at the end. */
  profileDir?: string | undefined;
}

/** The service on the folder, about to start. */
export async function spawnService({ dataDir, workers = 1, profileDir }: Start) {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const port = await freePort();
  const output = openSync(join(dataDir, 'service.log'), 'a');
  const profiling = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const variables = { ROSTER_DATA: dataDir, ROSTER_LISTEN: `127.0.0.1:${port}`, ROSTER_LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, [...startFlags, ...profiling, inRepository('src/main.ts')], {
    cwd: inRepository(''),
    env: { ...inherited(), ...variables, ROSTER_WORKERS: String(workers) },
    stdio: ['ignore', output, output],
  });
  return { child, port, pid: await spawned(child) };
}

/** Starts the service and waits until all its workers serve. */
export async function startService(start: Start): Promise<Target> {
  const { dataDir, workers = 1 } = start;
  const { child, port, pid } = await spawnService(start);
  const url = `http://127.0.0.1:${port}`;
  await ready(child, join(dataDir, 'service.log'), () => serves(url, workers));
  const processes = workers === 1 ? [pid] : childrenOf(pid).filter((one) => isWorker(one));
  const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  return {
    url,
    headers: { authorization: `Bearer ${readFileSync(join(dataDir, 'admin.pat'), 'utf8').trim()}` },
    cpu: () => ({ server: processes.reduce((sum, one) => sum + cpuOf(one), 0), postgres: cpuOfFamily(postmaster) }),
    memory: () => Math.max(...processes.map(residentBytes)),
    workers: processes,
    supervisor: workers === 1 ? undefined : pid,
    stop: () => stop(child),
  };
}

/** `script` answers over HTTP/2 unless told otherwise, with so many bytes. */
export async function startBare(script = 'bare.ts', bytes?: number): Promise<Target> {
  const child = spawn(process.execPath, [inRepository(`bench/${script}`), ...(bytes === undefined ? [] : [String(bytes)])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await spawned(child);
  if (!child.stdout) throw new Error('the bare server has no output');
  const [port] = await once(child.stdout, 'data');
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    headers: {},
    cpu: () => ({ server: cpuOf(pid), postgres: 0 }),
    memory: () => residentBytes(pid),
    workers: [pid],
    stop: () => stop(child),
  };
}

/** The service is to have its defaults, whatever the shell has set. */
export function inherited(): NodeJS.ProcessEnv {
  const ours = (name: string) => name.startsWith('ROSTER_') || name === 'DATABASE_URL';
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
}

export async function spawned(child: ChildProcess): Promise<number> {
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error('a process without an id');
  return child.pid;
}

const isWorker = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('workers/worker.ts');

async function serves(url: string, workers: number): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`);
  const metrics = answer.ok ? await (await fetch(`${url}/metrics`)).text() : '';
  return metrics.includes(`
roster_workers ${workers}
`);
}

/** Waits until `isReady`, which may throw as long as nobody answers. */
export async function ready(
  child: ChildProcess,
  logFile: string,
  isReady: () => Promise<boolean>,
  withinMs: number = startMs,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await isReady().catch(() => false)) return;
    await sleep(pollMs);
  }
  child.kill('SIGTERM');
  throw new Error(`It did not start: see ${logFile}.`);
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
