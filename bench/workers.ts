// GetUserByID by 64 callers with one worker and with several, in turns. All workers are held to one core and always busy, load and
// Postgres have another one: what a worker more is worth, where it has a core of its own, shows in the processor time of a
// request and in how evenly the workers share it. `node bench/workers.ts [--workers n] [--seconds n] [--rounds n] [--users n]`
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { casesFor } from './cases.ts';
import { prepareData } from './load.ts';
import { slice, warmUp } from './measure.ts';
import { childrenOf, cpuOf } from './processes.ts';
import { startService, type Target } from './service.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: String(Math.max(2, availableParallelism())) },
    callers: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    users: { type: 'string', default: '10000' },
    data: { type: 'string', default: 'node_modules/.cache/roster-bench' },
  },
});
const users = Number(values.users);
const dataDir = join(resolve(values.data), values.users);
const mebibyte = 2 ** 20;
const warmUpSeconds = 3;

interface Cost {
  requests: number;
  seconds: number;
  /** Milliseconds of each worker, of the supervisor, of Postgres, of this process. */
  workers: number[];
  supervisor: number;
  postgres: number;
  load: number;
  memory: number;
}

const cpusOf = ({ workers, supervisor }: Target) => ({
  workers: workers.map(cpuOf),
  supervisor: supervisor === undefined ? 0 : cpuOf(supervisor),
  load: process.cpuUsage(),
});

async function measure(target: Target): Promise<Cost> {
  const reading = casesFor(users, '', '').find(({ key }) => key === 'get');
  if (!reading) throw new Error('no case to read with');
  const work = { target, users, of: reading };
  await warmUp(work);
  // Over connections to all of them, for each as long.
  await slice(work, Number(values.callers), warmUpSeconds * target.workers.length);
  const before = cpusOf(target);
  const { requests, seconds, cpu, memory } = await slice(work, Number(values.callers), Number(values.seconds));
  const after = cpusOf(target);
  const { user, system } = process.cpuUsage(before.load);
  return {
    ...{ requests, seconds, memory, postgres: cpu.postgres },
    workers: after.workers.map((ms, index) => ms - (before.workers[index] ?? 0)),
    supervisor: after.supervisor - before.supervisor,
    load: (user + system) / 1000,
  };
}

/** With all their threads (util-linux). */
function pin(core: number, pids: readonly number[]): void {
  for (const pid of pids) execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
}

function separate({ workers, supervisor }: Target): void {
  const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  pin(0, workers);
  pin(1, [process.pid, postmaster, ...childrenOf(postmaster), ...(supervisor === undefined ? [] : [supervisor])]);
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const micro = (ms: number) => (ms * 1000).toFixed(0);

/** Requests a second that the workers could answer if each had a core, by the time of the one that has most to do. */
const capacity = ({ requests, workers }: Cost) => (1000 * requests) / Math.max(...workers);

function row(name: string, cost: Cost): string {
  const { requests, seconds, workers, supervisor, postgres, load, memory } = cost;
  const shares = workers.map((ms) => `${((100 * ms) / sum(workers)).toFixed(0)} %`).join(' / ');
  const each = [sum(workers), supervisor, postgres, load].map((ms) => micro(ms / requests));
  const cells = [
    name,
    Math.round(requests / seconds),
    ...each,
    shares,
    Math.round(capacity(cost)),
    Math.round(memory / mebibyte),
  ];
  return `| ${cells.join(' | ')} |`;
}

async function main(): Promise<void> {
  await prepareData(dataDir, users, (text) => console.error(text));
  console.log(
    '| workers | requests/s | CPU µs: workers | supervisor | Postgres | load | shares | could answer/s | MB resident |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  const counts = [1, Number(values.workers)];
  const capacities = counts.map((): number[] => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [index, workers] of counts.entries()) {
      const target = await startService({ dataDir, workers });
      separate(target);
      const cost = await measure(target);
      await target.stop();
      capacities[index]?.push(capacity(cost));
      console.log(row(String(workers), cost));
    }
  }
  const [one = Number.NaN, several = Number.NaN] = capacities.map((found) => sum(found) / found.length);
  console.log(`\n${values.workers} workers could answer ${(several / one).toFixed(2)} times what one could.`);
}

await main();
