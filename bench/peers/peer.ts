// What the comparison has to know of another service; one file each says it.
import { execFile, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Checked } from '../calls.ts';
import { email, familyName, givenName, personFrom, username } from '../people.ts';
import { cpuOfFamily, residentBytes } from '../processes.ts';
import { ready, spawned, stop, type Target } from '../service.ts';

export const operations = ['lookup', 'list', 'create'] as const;
export type Operations = Record<(typeof operations)[number], Checked>;

export interface Peer {
  name: string;
  /** What its program is called on PATH. */
  command: string;
  /** What to install for it, and which versions it was written for. */
  installation: string;
  /** How it is asked; the service beside it is asked the same way. */
  protocol: 'json' | 'grpc';
  /** What makes the program tell its version. */
  versionArgs: readonly string[];
  start(place: Place): Promise<Started>;
}

export interface Place {
  binary: string;
  /** Empty at first, for its configuration and logs. */
  folder: string;
  /** An empty database of its own, with the name and password of its owner. */
  database: URL;
}

export interface Started {
  target: Omit<Target, 'cpu'> & { cpu(): number };
  /** Puts that many people in, by its own interface, and tells how to ask for them. */
  fill(total: number, progress: (done: number) => void): Promise<Operations>;
}

interface Program extends Place {
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  url: string;
  readyAt: string;
}

/** Long enough for one that builds itself or its tables at the first start, on a busy machine. */
const startMs = 300_000;
const execute = promisify(execFile);

/** Starts a peer and waits for it. What its process and the children of that use is its CPU. */
export async function startProgram({ binary, folder, args, env = {}, url, readyAt }: Program): Promise<Started['target']> {
  const logFile = join(folder, 'peer.log');
  const output = openSync(logFile, 'a');
  const child = spawn(binary, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', output, output] });
  const pid = await spawned(child);
  await ready(child, logFile, async () => (await fetch(readyAt)).ok, startMs);
  return {
    url,
    headers: {},
    cpu: () => cpuOfFamily(pid),
    memory: () => residentBytes(pid),
    workers: [pid],
    stop: () => stop(child),
  };
}

/** A command of a peer's program that ends by itself. */
export async function run({ binary, folder }: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  await execute(binary, args, { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 });
}

export interface Person {
  username: string;
  email: string;
  givenName: string;
  familyName: string;
}

/** Person n of any peer: like our own user n, but machines have become people. */
export const personAt = (n: number): Person => ({
  username: username(n),
  email: email(personFrom(n)).replace(/\d+@/, `${n}@`),
  givenName: givenName(n),
  familyName: familyName(n),
});

let created = 0;

/** Somebody new at each call. */
export function newPerson(): Person {
  const name = `bench-created-${created++}`;
  return { username: name, email: `${name}@example.com`, givenName: 'Newly', familyName: 'Created' };
}

/** The numbers from 0 to below `total`, `size` at a time. */
export function* batches(total: number, size: number): Generator<number[]> {
  for (let from = 0; from < total; from += size) {
    yield Array.from({ length: Math.min(size, total - from) }, (_, n) => from + n);
  }
}
