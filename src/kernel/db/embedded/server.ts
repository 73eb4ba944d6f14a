import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Account, commandAs } from './account.ts';
import { EmbeddedError } from './error.ts';
import { endPostmaster } from './orphan.ts';

/** Fixed by this program; what an operator may tune stands in the cluster's postgresql.conf. */
const fixed = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Statements, and the values in Postgres' errors, are personal data. Errors reach our own log, which knows what to hide.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};
/** Bytes after which a start puts the log aside as postgres.log.1. */
const logLimit = 10 * 1024 * 1024;
const readyPollMs = 10;
/** A port may be taken between choice and use, and a killed server's memory is free only once its last process is gone. */
const startAttempts = 10;
const startRetryMs = 300;

interface Start {
  folder: string;
  logFile: string;
  program: string;
  account: Account | undefined;
  settings: Record<string, string>;
  log: Logger;
}

export async function startServer(start: Start): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const logged = await putLogAside(start.logFile);
    const server = await spawnServer(start, await freePort());
    if (await server.ready()) return server;
    const reason = lastWords((await readFile(start.logFile)).subarray(logged).toString());
    if (attempt === startAttempts || !reason.includes('in use')) {
      throw new EmbeddedError(`Postgres did not start: ${reason} (more in ${start.logFile})`);
    }
    await sleep(startRetryMs);
  }
}

async function spawnServer({ folder, logFile, program, account, settings, log }: Start, port: number): Promise<Server> {
  const flags = Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { file, args, options } = await commandAs(account, program, ['-D', folder, '-p', String(port), ...flags], folder);
  const output = await open(logFile, 'a', 0o600);
  // Detached, so that Ctrl-C in a terminal reaches us and not Postgres, which is still needed for the last requests.
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', output.fd, output.fd] });
  await once(child, 'spawn').finally(() => output.close());
  child.unref();
  return new Server(child, port, folder, log);
}

class Server {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #folder: string;
  readonly #log: Logger;
  #wanted = false;

  constructor(child: ChildProcess, port: number, folder: string, log: Logger) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
    this.#log = log;
    const end = () => child.kill('SIGINT');
    process.once('exit', end);
    this.#exited = once(child, 'exit').then(() => {
      process.off('exit', end);
      if (this.#wanted)
        log.error({ folder }, 'the embedded Postgres has ended by itself: see postgres.log, restart this process');
    });
  }

  /** True once it takes connections, false when it ended instead. Recovery after a crash may take its time. */
  async ready(): Promise<boolean> {
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      const state = await readFile(join(this.#folder, 'postmaster.pid'), 'utf8').catch(() => '');
      const [pid, , , , , , , status] = state.split('\n');
      if (Number(pid) === this.#child.pid && status?.trim() === 'ready') {
        this.#wanted = true;
        this.#log.info({ port: this.port, folder: this.#folder }, 'the embedded Postgres is ready');
        return true;
      }
      await sleep(readyPollMs);
    }
    return false;
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.#child.ref();
    await endPostmaster((signal) => this.#child.kill(signal), this.#exited);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new EmbeddedError('No free port was found on 127.0.0.1.');
  return address.port;
}

/** Starts a new log when the old one is long. Returns how long the log is now, in bytes. */
async function putLogAside(logFile: string): Promise<number> {
  const bytes = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  if (bytes <= logLimit) return bytes;
  await rename(logFile, `${logFile}.1`);
  return 0;
}

/** Why Postgres gave up, of all that it wrote. */
function lastWords(output: string): string {
  const lines = output.trim().split('\n');
  const find = (pattern: RegExp) => lines.findLast((line) => pattern.test(line));
  const reason = find(/in use/) ?? find(/FATAL|PANIC/) ?? lines.at(-1);
  return reason?.replace(/^.*?(LOG|FATAL|PANIC): +/, '') || 'it gave no reason';
}
