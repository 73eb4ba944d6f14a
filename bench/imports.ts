// Users from a file by the command line, into an empty instance: rows a second, and the most memory that it took.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { residentBytes } from './processes.ts';
import { inherited, startService } from './service.ts';

export interface Imported {
  rows: number;
  seconds: number;
  /** Bytes of the importing process, Postgres apart. */
  memory: number;
}

const memoryPollMs = 100;
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
/** As `npm run roster` has it. */
const flags: string[] = scripts.roster.split(' ').slice(1);

/** @param hashing Whether the lines bring passwords, which have to be hashed, or hashes. */
async function measureImport(dataDir: string, rows: number, hashing: boolean): Promise<Imported> {
  await rm(dataDir, { recursive: true, force: true });
  await (await startService({ dataDir })).stop();
  const file = join(dataDir, 'people.ndjson');
  await pipeline(Readable.from(lines(rows, hashing)), createWriteStream(file));
  const child = spawn(process.execPath, [...flags, 'user', 'import', file], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...inherited(), ROSTER_DATA: dataDir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  let memory = 0;
  const poll = setInterval(() => {
    if (child.pid !== undefined && child.exitCode === null) memory = Math.max(memory, residentOf(child.pid));
  }, memoryPollMs);
  const started = performance.now();
  const [code] = await once(child, 'exit');
  clearInterval(poll);
  if (code !== 0) throw new Error(`the import failed: ${said}`);
  const seconds = (performance.now() - started) / 1000;
  await rm(dataDir, { recursive: true, force: true });
  return { rows, seconds, memory };
}

/** It may have ended just now. */
function residentOf(pid: number): number {
  try {
    return residentBytes(pid);
  } catch {
    return 0;
  }
}

const first = ['Anna', 'Ben', 'Clara', 'David', 'Emma', 'Felix', 'Greta', 'Hans', 'Ida', 'Jonas', 'Klara', 'Leon', 'Mia', 'Noah'];
const last = ['Müller', 'Schmidt', 'Weber', 'Keller', 'Huber', 'Meier', 'Graf', 'Frei', 'Roth', 'Baumann', 'Fischer'];
const bcrypt = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
const chunk = 1000;

function* lines(rows: number, hashing: boolean): Generator<string> {
  for (let from = 0; from < rows; from += chunk) {
    const numbers = Array.from({ length: Math.min(chunk, rows - from) }, (_, index) => from + index);
    yield numbers.map((n) => `${JSON.stringify(person(n, hashing))}\n`).join('');
  }
}

const person = (n: number, hashing: boolean) => ({
  username: `person.${n.toString(36)}`,
  givenName: first[(n * 7) % first.length],
  familyName: last[(n * 13) % last.length],
  email: `person.${n}@example.com`,
  emailVerified: n % 3 !== 0,
  ...(n % 3 === 0 && { phone: `+4179${String(n).padStart(7, '0')}`, phoneVerified: true, metadata: { plan: 'gold' } }),
  ...(hashing ? { password: `Correct-Horse-${n}` } : { passwordHash: bcrypt }),
});

/** Each password costs some 30 ms of processor time. */
const hashedShare = 500;

/** Into an empty instance, with hashes and with passwords, of which there are fewer. */
export async function measureImports(
  { data, rows }: { data: string; rows: number },
  say: (text: string) => void,
): Promise<(Imported & { name: string })[]> {
  const measured = [];
  for (const [name, count, hashing] of [
    ['user import, with hashes', rows, false],
    ['user import, with passwords to be hashed', Math.ceil(rows / hashedShare), true],
  ] as const) {
    measured.push({ name, ...(await measureImport(join(data, 'import'), count, hashing)) });
    say(`${name}: ${count} rows`);
  }
  return measured;
}
