// What an idle service asks its database, as Postgres logs it.
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startService } from './service.ts';

/** Until what a start has to do is done. */
const settleMs = 5_000;

export interface Idle {
  seconds: number;
  /** Statements by their text, and how often each came. */
  statements: ReadonlyMap<string, number>;
}

export async function measureIdle(dataDir: string, seconds: number): Promise<Idle> {
  const configuration = join(dataDir, 'postgres', 'postgresql.conf');
  const log = join(dataDir, 'postgres.log');
  const before = await readFile(configuration, 'utf8');
  await appendFile(configuration, "\nlog_statement = 'all'\n");
  try {
    const service = await startService({ dataDir });
    await sleep(settleMs);
    const { size } = await stat(log);
    await sleep(seconds * 1000);
    const text = (await readFile(log)).subarray(size).toString();
    await service.stop();
    return { seconds, statements: counted(text) };
  } finally {
    await writeFile(configuration, before);
  }
}

function counted(log: string): Map<string, number> {
  const statements = new Map<string, number>();
  for (const [, text = ''] of log.matchAll(/LOG: {2}(?:execute [^:]+|statement): (.*(?:\n\t.*)*)/g)) {
    const short = text.replace(/\s+/g, ' ').trim().slice(0, 60);
    statements.set(short, (statements.get(short) ?? 0) + 1);
  }
  return statements;
}
