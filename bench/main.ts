// Measures the service over gRPC. `npm run bench -- --help` tells what can be chosen, docs/benchmarks.md what came out.
import { join } from 'node:path';
import { type Case, casesFor } from './cases.ts';
import { growingCases, measurePage, type PageCost } from './growth.ts';
import { measureIdle } from './idle.ts';
import { measureImports } from './imports.ts';
import { type Prepared, prepareData } from './load.ts';
import { besideBare, compare, type Work, warmUp } from './measure.ts';
import { help, type Options, readOptions } from './options.ts';
import { measurePasswords } from './passwords.ts';
import { measureProtocols } from './protocols.ts';
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
  protocolTable,
  type Row,
  sessionTable,
  writeFigures,
} from './report.ts';
import { startBare, startService } from './service.ts';
import { measureCleaning, measureSessions } from './sessions.ts';

/** Lookups find one user, whose cost should not depend on how many there are. */
const lookups = ['get', 'email'];
const comparedCallers = 16;
const idleSeconds = 60;

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
  const protocols = options.isWanted('protocols')
    ? await measureProtocols(cases, { ...options, dataDir: large.dataDir, say })
    : [];
  const passwords = options.isWanted('passwords') ? await measurePasswordsOf(options, cases, large) : undefined;
  const sessions = options.isWanted('sessions') ? await measureSessionsOf(options, large) : undefined;
  const cleaning = options.isWanted('cleaning') ? await measureCleaningOf(options, cases, large) : undefined;
  const idle = options.isWanted('idle') ? await measureIdle(large.dataDir, idleSeconds) : undefined;
  const imports = options.isWanted('import') ? await measureImports(options, say) : [];
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const parts = [machine({ command, postgresVersion: large.postgresVersion, loadBefore })];
  if (rows.length > 0) parts.push(caseTable(rows));
  if (protocols.length > 0) parts.push(protocolTable(protocols));
  if (comparisons.length > 0) parts.push(comparisonTable(comparisons, options.baseline, options.users));
  if (pages.length > 0) parts.push(pageTable(pages));
  if (passwords) parts.push(passwordTable(passwords));
  if (sessions) parts.push(sessionTable(sessions));
  if (cleaning) parts.push(cleaningTable(cleaning));
  if (imports.length > 0) parts.push(importTable(imports));
  if (idle) parts.push(idleTable(idle));
  const report = parts.join('\n\n');
  console.log(report);
  if (options.write) await writeFigures(report, options.only);
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
  say(`CreateSession: ${measured.signIns.perSecond.toFixed(1)} a second beside ${measured.hashes.perSecond.toFixed(1)}`);
  return measured;
}

async function measureCleaningOf({ users, seconds, rows }: Options, cases: readonly Case[], { dataDir }: Database) {
  const measured = await measureCleaning(dataDir, rows, { users, seconds: seconds * 2, reading: readingOf(cases) });
  say(`clean-up: ${measured.removed} of ${measured.expired} sessions`);
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
