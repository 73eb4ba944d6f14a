// What processes have used, as Linux tells it.
import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc/<pid>/stat: USER_HZ is 100 on every Linux that runs Node. */
const millisecondsPerTick = 10;
const KiB = 1024;

/** The fields after the name of the program, which may hold spaces. The state is the first. */
function fieldsOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Milliseconds of CPU, of user and system, of a process. */
export function cpuOf(pid: number): number {
  const [user, system] = fieldsOf(pid).slice(11, 13);
  return (Number(user) + Number(system)) * millisecondsPerTick;
}

/** Milliseconds of CPU of a process with its children, those that have ended as well. */
export function cpuOfFamily(pid: number): number {
  for (;;) {
    const ended = cpuOfEnded(pid);
    const living = childrenOf(pid).reduce((sum, child) => sum + orGone(() => cpuOf(child)), cpuOf(pid));
    // Else one has ended meanwhile, and was counted twice or not at all.
    if (cpuOfEnded(pid) === ended) return living + ended;
  }
}

function cpuOfEnded(pid: number): number {
  const [user, system] = fieldsOf(pid).slice(13, 15);
  return (Number(user) + Number(system)) * millisecondsPerTick;
}

export function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => orGone(() => Number(fieldsOf(pid)[1])) === parent);
}

/** A process may end between being listed and being read. */
function orGone(read: () => number): number {
  try {
    return read();
  } catch {
    return 0;
  }
}

/** Bytes of a process that are in memory. */
export function residentBytes(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * KiB;
}
