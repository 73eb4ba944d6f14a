// Measures the service over gRPC. `npm run bench -- --help` tells what can be chosen, docs/benchmarks.md what came out.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Case, casesFor } from './cases.ts';
import { growingCases, measurePage, type PageCost } from './growth.ts';
import { measureIdle } from './idle.ts';
import { measureImport } from './imports.ts';
import { defaultData, type Prepared, prepareData } from './load.ts';
import { besideBare, compare, type Work, warmUp } from './measure.ts';
import { measurePasswords } from './passwords.ts';
import {
  type Comparison,
  caseTable,
  cleaningTable,
  comparisonTable,
  idleTable,
  importTable,
  loadNow,
  machine,
  pageTable,
  passwordTable,
  type Row,
  sessionTable,
  writeFigures,
} from './report.ts';
import { startBare, startService } from './service.ts';
import { measureCleaning, measureSessions } from './sessions.ts';

const help = `npm run bench -- [options]

  --users <n>        users in the database, 1000000 unless said otherwise
  --baseline <n>     users in the database that lookups are compared with, 10000
  --callers <list>   callers at once, 1,16,64
  --seconds <n>      of each case with each number of callers, 5; its bare counterpart takes as long again
  --only <list>      keys of cases (get, first, email, prefix, contains, contains-many, offset, create), "compare",
                     "growth", "passwords", "sessions", "cleaning", "import" and "idle"
  --rows <n>         rows of the import without hashing, and expired sessions to clean up, 1000000
  --data <folder>    where databases are kept between runs, node_modules/.cache/roster-bench
  --small            a quick look: 10000 users against 1000, 1 and 16 callers, 1 second
  --profile <folder> leave a CPU profile of the service there; what runs under it is slower
  --write            put the figures into docs/benchmarks.md
  --help             show this

Progress goes to standard error, the figures as Markdown to standard output. Needs Linux: CPU and memory are read from /proc.`;

const quick = { users: '10000', baseline: '1000', callers: '1,16', seconds: '1', rows: '20000' };
const full = { users: '1000000', baseline: '10000', callers: '1,16,64', seconds: '5', rows: '1000000' };

/** Lookups find one user, whose cost should not depend on how many there are. */
const lookups = ['get', 'email'];
const comparedCallers = 16;
const idleSeconds = 60;

function readOptions() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    users: text,
    baseline: text,
    callers: text,
    seconds: text,
    rows: text,
    only: text,
    data: text,
    profile: text,
  };
  const { values } = parseArgs({ options: { ...options, small: flag, write: flag, help: flag } });
  const { users, baseline, callers, seconds, rows } = { ...(values.small ? quick : full), ...values };
  return {
    ...values,
    data: resolve(values.data ?? defaultData),
    users: positive('users', users),
    baseline: positive('baseline', baseline),
    seconds: positive('seconds', seconds),
    rows: positive('rows', rows),
    callers: callers.split(',').map((count) => positive('callers', count)),
    isWanted: (key: string) => !values.only || values.only.split(',').includes(key),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0`);
  return value;
}

type Options = ReturnType<typeof readOptions>;

const started = performance.now();
const say = (text: string) => console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const run = Date.now().toString(36);

async function main(options: Options): Promise<void> {
  const loadBefore = loadNow();
  const large = await database(options.data, options.users);
  const small =
    options.isWanted('compare') || options.isWanted('growth') ? await database(options.data, options.baseline) : undefined;
  const cases = casesFor(options.users, first(large), run);
  // Comparisons come first: creating users would change what they compare.
  const comparisons = small ? await compareSizes(options, { large, small }) : [];
  const pages = options.isWanted('growth') ? await measurePages(options, large) : [];
  const rows = await measureCases(
    options,
    cases.filter(({ key }) => options.isWanted(key)),
    large,
  );
  const passwords = options.isWanted('passwords') ? await measurePasswordsOf(options, cases, large) : undefined;
  const sessions = options.isWanted('sessions') ? await measureSessionsOf(options, large) : undefined;
  const cleaning = options.isWanted('cleaning') ? await measureCleaningOf(options, cases, large) : undefined;
  const idle = options.isWanted('idle') ? await measureIdle(large.dataDir, idleSeconds) : undefined;
  const imports = options.isWanted('import') ? await measureImports(options) : [];
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const parts = [machine({ command, postgresVersion: large.postgresVersion, loadBefore })];
  if (rows.length > 0) parts.push(caseTable(rows));
  if (comparisons.length > 0) parts.push(comparisonTable(comparisons, options.baseline, options.users));
  if (pages.length > 0) parts.push(pageTable(pages));
  if (passwords) parts.push(passwordTable(passwords));
  if (sessions) parts.push(sessionTable(sessions));
  if (cleaning) parts.push(cleaningTable(cleaning));
  if (imports.length > 0) parts.push(importTable(imports));
  if (idle) parts.push(idleTable(idle));
  const report = parts.join('\n\n');
  console.log(report);
  if (options.write) await writeFigures(report);
}

interface Database extends Prepared {
  dataDir: string;
}

async function database(data: string, users: number): Promise<Database> {
  const dataDir = join(data, String(users));
  say(`preparing ${users} users in ${dataDir}`);
  return { dataDir, ...(await prepareData(dataDir, users, say)) };
}

function first({ organizations: [id] }: Database): string {
  if (id === undefined) throw new Error('a database without organizations');
  return id;
}

async function measureCases(
  { users, callers, seconds, profile }: Options,
  cases: readonly Case[],
  { dataDir }: Database,
): Promise<Row[]> {
  if (cases.length === 0) return [];
  const service = await startService({ dataDir, profileDir: profile });
  const bare = await startBare();
  const rows: Row[] = [];
  for (const of of cases) {
    const work = { target: service, users, of };
    const least: Work = { target: bare, users, of };
    await warmUp(work);
    for (const count of callers) {
      const samples = await besideBare(work, least, count, seconds);
      rows.push({ name: of.name, callers: count, ...samples });
      say(`${of.name}, ${count} callers: ${Math.round(samples.own.requests / samples.own.seconds)} requests/s`);
    }
  }
  await Promise.all([service.stop(), bare.stop()]);
  return rows;
}

async function measurePasswordsOf({ users, seconds }: Options, cases: readonly Case[], { dataDir, ...database }: Database) {
  const reading = readingOf(cases);
  const service = await startService({ dataDir });
  const organizationId = first({ dataDir, ...database });
  const measured = await measurePasswords(service, { users, organizationId, run, seconds, reading });
  await service.stop();
  say(`SetPassword: ${measured.perSecond.toFixed(1)} a second beside ${measured.raw.toFixed(1)}`);
  return measured;
}

function readingOf(cases: readonly Case[]): Case {
  const reading = cases.find(({ key }) => key === 'get');
  if (!reading) throw new Error('no case to read with');
  return reading;
}

async function measureSessionsOf({ users, seconds }: Options, database: Database) {
  const service = await startService(database);
  const measured = await measureSessions(service, { users, organizationId: first(database), run, seconds });
  await service.stop();
  say(`CreateSession: ${measured.perSecond.toFixed(1)} a second beside ${measured.raw.toFixed(1)}`);
  return measured;
}

async function measureCleaningOf({ users, seconds, rows }: Options, cases: readonly Case[], { dataDir }: Database) {
  const measured = await measureCleaning(dataDir, rows, { users, seconds: seconds * 2, reading: readingOf(cases) });
  say(`clean-up: ${measured.removed} of ${measured.expired} sessions`);
  return measured;
}

/** Each password costs some 30 ms of processor time. */
const hashedShare = 500;

async function measureImports({ data, rows }: Options) {
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

interface Sizes {
  small: Database;
  large: Database;
}

/** What is asked of both databases; the last organization is one of the smallest. */
function comparedCases({ isWanted }: Options, users: number, { organizations }: Database): Case[] {
  const all = casesFor(users, '', run).filter(({ key }) => isWanted('compare') && lookups.includes(key));
  return isWanted('growth') ? growingCases(users, organizations.at(-1) ?? '') : all;
}

async function compareSizes(options: Options, sizes: Sizes): Promise<Comparison[]> {
  const small = await startService(sizes.small);
  const large = await startService(sizes.large);
  const smallCases = comparedCases(options, options.baseline, sizes.small);
  const comparisons: Comparison[] = [];
  for (const of of comparedCases(options, options.users, sizes.large)) {
    const counterpart = smallCases.find(({ key }) => key === of.key);
    if (!counterpart) throw new Error(`no case ${of.key}`);
    const works = [
      { target: small, users: options.baseline, of: counterpart },
      { target: large, users: options.users, of },
    ] as const;
    for (const work of works) await warmUp(work);
    const [fewer, more] = await compare(works, comparedCallers, options.seconds * 2);
    comparisons.push({ name: of.name, small: fewer, large: more });
    say(`${of.name} compared`);
  }
  await Promise.all([small.stop(), large.stop()]);
  return comparisons;
}

async function measurePages({ users, callers, seconds }: Options, { dataDir }: Database): Promise<PageCost[]> {
  const pages = [];
  for (const count of callers) pages.push(await measurePage(dataDir, users, count, seconds));
  return pages;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const options = readOptions();
if (options.help) console.log(help);
else await main(options);
