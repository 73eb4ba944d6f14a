// A process that is killed leaves its Postgres running. The next one stops it and starts its own.
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';

const fastShutdownMs = 30_000;
const pollMs = 20;

/** To be called under the claim on the data folder: whatever runs there now has lost its owner. */
export async function stopOrphan(folder: string, log: Logger): Promise<void> {
  const file = join(folder, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  // Without signals Postgres is left to see to it: it refuses a second start on the same data.
  if (!(pid > 1) || process.platform === 'win32') return;
  if (await isPostmaster(pid, folder)) {
    log.warn({ postgres: pid }, 'stopping the Postgres of a process that was killed');
    await endPostmaster((name) => signal(pid, name), untilGone(pid, folder));
  } else if (signal(pid, 0)) {
    // Postgres knows the file of a dead process for what it is, but not when the id now belongs to a stranger.
    await rm(file, { force: true });
  }
}

/** False when there is no such process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Fast shutdown; should that not end, immediate shutdown, which the next start recovers from. On Windows both end it hard. */
export async function endPostmaster(kill: (signal: NodeJS.Signals) => unknown, exited: Promise<unknown>): Promise<void> {
  const abandon = new AbortController();
  kill('SIGINT');
  const late = sleep(fastShutdownMs, 'late', { signal: abandon.signal }).catch(() => {});
  if ((await Promise.race([exited, late])) === 'late') kill('SIGQUIT');
  await exited;
  abandon.abort();
}

async function untilGone(pid: number, folder: string): Promise<void> {
  while (await isPostmaster(pid, folder)) await sleep(pollMs);
}

async function isPostmaster(pid: number, folder: string): Promise<boolean> {
  const [program, ...args] = await commandLine(pid);
  return program !== undefined && basename(program) === 'postgres' && args.join(' ').startsWith(`-D ${folder} `);
}

async function commandLine(pid: number): Promise<string[]> {
  try {
    if (process.platform === 'linux') return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    return (await promisify(execFile)('ps', ['-o', 'args=', '-p', String(pid)])).stdout.trim().split(' ');
  } catch {
    return [];
  }
}
