// From the start of the process to its first answer, on existing data, beside what its Postgres alone takes from its start to its
// first answer. `node bench/start.ts [--rounds n] [--data folder]`
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { startEmbedded } from '../src/kernel/db/embedded.ts';
import { createLogger } from '../src/kernel/logger.ts';
import { spawnService, startService } from './service.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    data: { type: 'string', default: 'node_modules/.cache/roster-bench/start' },
  },
});
const rounds = Number(values.rounds);
const dataDir = resolve(values.data);
const pollMs = 2;

/** Milliseconds until Postgres has answered a select. */
async function postgresAlone(): Promise<number> {
  const begun = performance.now();
  const embedded = await startEmbedded({ dataDir, log: createLogger('silent') });
  const sql = postgres(embedded.url, { max: 1, fetch_types: false });
  await sql`select 1`;
  const took = performance.now() - begun;
  await sql.end();
  await embedded.stop();
  return took;
}

/** Milliseconds until the service has answered a call of the owner. */
async function service(workers: number): Promise<number> {
  const headers = {
    authorization: `Bearer ${readFileSync(join(dataDir, 'admin.pat'), 'utf8').trim()}`,
    'content-type': 'application/json',
  };
  const begun = performance.now();
  const { child, port } = await spawnService({ dataDir, workers });
  const url = `http://127.0.0.1:${port}/zitadel.user.v2.UserService/ListUsers`;
  for (;;) {
    const answer = await fetch(url, { method: 'POST', headers, body: '{}' }).catch(() => undefined);
    if (answer?.ok) break;
    await sleep(pollMs);
  }
  const took = performance.now() - begun;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return took;
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  // Makes the data, and what Node keeps of each module.
  await (await startService({ dataDir })).stop();
  const cores = availableParallelism();
  const kinds = [
    ['its Postgres alone', postgresAlone],
    ['ROSTER_WORKERS=1', () => service(1)],
    ...(cores > 1 ? ([[`ROSTER_WORKERS=${cores}`, () => service(cores)]] as const) : []),
  ] as const;
  const times = kinds.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, run]] of kinds.entries()) times[index]?.push(await run());
  }
  const least = median(times[0] ?? []);
  console.log('| start to first answer, median | ms | ratio |\n| --- | ---: | ---: |');
  for (const [index, [name]] of kinds.entries()) {
    const took = median(times[index] ?? []);
    console.log(`| ${name} | ${took.toFixed(0)} | ${(took / least).toFixed(2)} |`);
  }
}

await main();
