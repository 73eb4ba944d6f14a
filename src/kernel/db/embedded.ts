// A Postgres of our own for who has none: made, started and stopped with this process, in <dataDir>/postgres.
// The binaries, the account it runs as, the first initialisation and the claim on the folder are in embedded/.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, realpath, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Account, accountFor, commandAs } from './embedded/account.ts';
import { findBinaries } from './embedded/binaries.ts';
import { claim } from './embedded/claim.ts';
import { type Cluster, prepareCluster } from './embedded/cluster.ts';
import { diskProblem, EmbeddedError } from './embedded/error.ts';
import { endPostmaster, stopOrphan } from './embedded/orphan.ts';

export interface Embedded {
  /** With the password: never for a log. */
  url: string;
  /** Ends running statements, writes everything to disk and leaves the folder to others. May be called again. */
  stop(): Promise<void>;
}

/** Fixed by this program; what an operator may tune stands in the cluster's own postgresql.conf. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Statements, and the values in Postgres' errors, are personal data: errors reach our own log, which knows what to hide.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};
/** Bytes after which a start puts the log aside as postgres.log.1. */
const logLimit = 10 * 1024 * 1024;
const readyPollMs = 10;
/** Ports can be taken between choosing and using, and memory of a killed server is freed only once its backends are gone. */
const startAttempts = 10;
const startRetryMs = 300;

/** @throws EmbeddedError with a sentence for the operator: folder in use, not writable, package absent, … */
export async function startEmbedded({ dataDir, log }: { dataDir: string; log: Logger }): Promise<Embedded> {
  const root = process.getuid?.() === 0;
  try {
    // As root the folder has to be passable for the account that Postgres runs as; the secrets in it are files of mode 0600.
    await mkdir(dataDir, { recursive: true, mode: root ? 0o711 : 0o700 });
    return await startIn(await realpath(dataDir), log);
  } catch (error) {
    throw diskProblem(error, dataDir) ?? error;
  }
}

async function startIn(dataDir: string, log: Logger): Promise<Embedded> {
  const release = await claim(dataDir, log);
  try {
    const folder = join(dataDir, 'postgres');
    const binaries = await findBinaries();
    const account = await accountFor(folder, log);
    if (release) await stopOrphan(folder, log);
    const cluster = await prepareCluster({ dataDir, folder, binaries, account, log });
    const { server, port } = await startServer(dataDir, cluster, binaries.postgres, account, log);
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= server.stop().finally(release));
    return { url: `postgres://${cluster.user}:${cluster.password}@127.0.0.1:${port}/${cluster.database}`, stop };
  } catch (error) {
    await release?.();
    throw error;
  }
}

async function startServer(dataDir: string, cluster: Cluster, program: string, account: Account | undefined, log: Logger) {
  const logFile = join(dataDir, 'postgres.log');
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const logged = await putLogAside(logFile);
    const server = await runServer(cluster.folder, program, port, logFile, account, log);
    if (await server.ready()) {
      log.info({ port, folder: cluster.folder }, 'the embedded Postgres is ready');
      return { server, port };
    }
    const reason = lastWords(await readFrom(logFile, logged));
    if (attempt === startAttempts || !reason.includes('in use')) {
      throw new EmbeddedError(`Postgres did not start: ${reason} (more in ${logFile})`);
    }
    await sleep(startRetryMs);
  }
}

async function runServer(
  folder: string,
  program: string,
  port: number,
  logFile: string,
  account: Account | undefined,
  log: Logger,
) {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { file, args, options } = await commandAs(account, program, ['-D', folder, '-p', String(port), ...flags], folder);
  const output = await open(logFile, 'a', 0o600);
  // Detached, so that Ctrl-C in a terminal reaches us and not Postgres, which is still needed for the last requests.
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', output.fd, output.fd] });
  const exited = once(child, 'exit');
  exited.catch(() => {});
  await once(child, 'spawn').finally(() => output.close());
  child.unref();
  return new Server(child, exited, folder, log);
}

class Server {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #folder: string;
  readonly #endWithUs = () => this.#child.kill('SIGINT');
  #stopping = false;

  constructor(child: ChildProcess, exited: Promise<unknown>, folder: string, log: Logger) {
    this.#child = child;
    this.#exited = exited;
    this.#folder = folder;
    process.once('exit', this.#endWithUs);
    child.once('exit', (code, signal) => {
      process.off('exit', this.#endWithUs);
      if (!this.#stopping) log.error({ code, signal }, 'the embedded Postgres has ended, see postgres.log in the data folder');
    });
  }

  /** True once it takes connections, false when it ended instead. Recovery after a crash may take minutes. */
  async ready(): Promise<boolean> {
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      const [pid, , , , , , , status] = (await readFile(join(this.#folder, 'postmaster.pid'), 'utf8').catch(() => '')).split(
        '\n',
      );
      if (Number(pid) === this.#child.pid && status?.trim() === 'ready') return true;
      await sleep(readyPollMs);
    }
    this.#stopping = true;
    return false;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
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
  const size = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  if (size <= logLimit) return size;
  await rename(logFile, `${logFile}.1`);
  return 0;
}

const readFrom = async (file: string, start: number) => (await readFile(file)).subarray(start).toString();

/** Why Postgres gave up, of all that it wrote. */
function lastWords(output: string): string {
  const lines = output.trim().split('\n');
  const reason =
    lines.findLast((line) => /in use/.test(line)) ?? lines.findLast((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1);
  return reason?.replace(/^.*?(LOG|FATAL|PANIC): +/, '') || 'it gave no reason';
}
