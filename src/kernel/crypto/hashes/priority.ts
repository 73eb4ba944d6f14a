import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * The "nice" value of threads that hash: with every core hashing, the one thread that answers calls would wait for its
 * turn behind them. Not the lowest, so that hashing keeps a tenth of a core that is wanted by everybody.
 */
export const hashingPriority = 10;

/** Linux alone gives each thread a priority of its own; elsewhere it would be the process's. */
const threadsHavePriorities = process.platform === 'linux';

let lowered = false;

/** Lowers libuv's threads, where the native hashes are computed, once there are any: all start with the first work. */
export function lowerPoolThreads(): void {
  if (lowered || !threadsHavePriorities) return;
  lowered = true;
  for (const thread of poolThreads()) lower(Number(thread));
}

/** For a worker's own thread. */
export function lowerThisThread(): void {
  if (threadsHavePriorities) lower(0);
}

const threads = '/proc/self/task';

/** The ids of libuv's threads, as Linux numbers them. */
const poolThreads = () => readdirSync(threads).filter((id) => nameOf(id).startsWith('libuv-worker'));

function nameOf(thread: string): string {
  try {
    return readFileSync(`${threads}/${thread}/comm`, 'utf8');
  } catch {
    // Ended meanwhile.
    return '';
  }
}

/** Some sandboxes forbid it: then hashing competes like anything else. */
function lower(thread: number): void {
  try {
    setPriority(thread, hashingPriority);
  } catch {}
}
