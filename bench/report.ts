// The results as Markdown.
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { PageCost } from './growth.ts';
import type { Idle } from './idle.ts';
import type { Imported } from './imports.ts';
import { percentile, perRequest, type Sample } from './measure.ts';
import type { Passwords } from './passwords.ts';
import type { ProtocolRow } from './protocols.ts';
import type { Cleaning, Sessions } from './sessions.ts';

export interface Row {
  name: string;
  callers: number;
  own: Sample;
  bare: Sample;
}

export interface Comparison {
  name: string;
  small: Sample;
  large: Sample;
}

const MiB = 1024 * 1024;
export const ms = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
export const times = (value: number) => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ×`;
export const whole = (value: number) => Math.round(value).toLocaleString('en-US');

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export const caseTable = (rows: readonly Row[]): string =>
  table(
    [
      '',
      'callers',
      'requests/s',
      'p50 ms',
      'p99 ms',
      'CPU ms: service',
      'its Postgres',
      'bare HTTP/2',
      'service / bare',
      'MB resident',
    ],
    rows.map(({ name, callers, own, bare }) => {
      const cost = perRequest(own);
      const least = perRequest(bare).server;
      const speed = [whole(own.requests / own.seconds), ms(percentile(own, 0.5)), ms(percentile(own, 0.99))];
      const cpu = [ms(cost.server), ms(cost.postgres), least.toFixed(3), times(cost.server / least)];
      return [name, String(callers), ...speed, ...cpu, whole(own.memory / MiB)];
    }),
  );

const micro = (milliseconds: number) => whole(milliseconds * 1000);

export const protocolTable = (rows: readonly ProtocolRow[]): string =>
  table(
    [
      ...['CPU µs per request', 'protocol', 'callers', 'requests/s', 'p50 ms', 'p99 ms'],
      ...['service', 'bare answer', 'bare database work', 'service / both', 'Postgres', 'of the bare work'],
    ],
    rows.map(({ name, protocol, callers, own, answer, database }) => {
      const cost = perRequest(own);
      return [
        ...[name, protocol, String(callers), whole(own.requests / own.seconds)],
        ...[ms(percentile(own, 0.5)), ms(percentile(own, 0.99))],
        ...[micro(cost.server), micro(answer), micro(database.server), times(cost.server / (answer + database.server))],
        ...[micro(cost.postgres), micro(database.postgres)],
      ];
    }),
  );

/** CPU of the service and its Postgres together: a lookup may move work from one to the other. */
const costOf = (sample: Sample) => perRequest(sample).server + perRequest(sample).postgres;

export const comparisonTable = (rows: readonly Comparison[], small: number, large: number): string =>
  table(
    ['', `CPU ms at ${whole(small)}`, `at ${whole(large)}`, 'ratio', `p50 ms at ${whole(small)}`, `at ${whole(large)}`, 'ratio'],
    rows.map(({ name, ...samples }) => {
      const cost = [costOf(samples.small), costOf(samples.large)] as const;
      const median = [percentile(samples.small, 0.5), percentile(samples.large, 0.5)] as const;
      return [name, ...[cost, median].flatMap(([before, after]) => [ms(before), ms(after), times(after / before)])];
    }),
  );

export const pageTable = (pages: readonly PageCost[]): string =>
  table(
    [
      'a page of 100, CPU ms',
      'callers',
      'service',
      'its Postgres',
      'bare select and encoding',
      'its Postgres',
      'service / bare',
      'all / all',
    ],
    pages.map(({ callers, own, least }) => [
      'ListUsers, first 100 by creation date',
      ...[String(callers), ms(own.server), ms(own.postgres), ms(least.server), ms(least.postgres)],
      ...[times(own.server / least.server), times((own.server + own.postgres) / (least.server + least.postgres))],
    ]),
  );

export const passwordTable = ({ perSecond, raw, idle, busy }: Passwords): string =>
  table(
    ['', 'a second', 'beside', 'ratio'],
    [
      [
        'SetPassword with the current password, 32 callers; its two argon2id computations alone, on all cores',
        ...beside(perSecond, raw),
      ],
      ['GetUserByID, 4 callers, p99 ms beside those 32; alone', ...beside(percentile(busy, 0.99), percentile(idle, 0.99))],
    ],
  );

export const sessionTable = ({ signIns, hashes, bySession, getSession }: Sessions): string =>
  table(
    ['64 callers', '', 'beside', 'ratio'],
    [
      [
        'CreateSession with user and password, a second; its argon2id computation alone, on all cores',
        ...beside(signIns.perSecond, hashes.perSecond),
      ],
      ['The same, CPU ms of the service; of the computation alone', ...beside(signIns.cpuMs, hashes.cpuMs)],
      ['The same, with Postgres', ...beside(signIns.cpuMs + signIns.postgresMs, hashes.cpuMs)],
      ['GetUserByID by the token of a session, CPU ms; by a personal access token', ...beside(...cpuOf(bySession))],
      ['GetSession, CPU ms; GetUserByID', ...beside(...cpuOf(getSession))],
    ],
  );

const cpuOf = ([own, other]: readonly [Sample, Sample]) => [costOf(own), costOf(other)] as const;

export const cleaningTable = ({ expired, removed, idle, busy }: Cleaning): string =>
  table(
    ['', 'beside', 'alone', 'ratio'],
    [
      [
        `GetUserByID, 4 callers, p99 ms beside the clean-up of ${whole(expired)} expired sessions (${whole(removed)} gone meanwhile)`,
        ...beside(percentile(busy, 0.99), percentile(idle, 0.99)),
      ],
    ],
  );

const beside = (value: number, other: number) => [ms(value), ms(other), times(value / other)];

export const importTable = (rows: readonly (Imported & { name: string })[]): string =>
  table(
    ['', 'rows', 'rows/s', 'MB resident at most'],
    rows.map(({ name, rows, seconds, memory }) => [name, whole(rows), whole(rows / seconds), whole(memory / MiB)]),
  );

export const idleTable = ({ seconds, statements }: Idle): string =>
  table(
    [`idle for ${seconds} s`, 'times'],
    [...statements].sort((a, b) => b[1] - a[1]).map(([text, count]) => [`\`${text}\``, String(count)]),
  );

export interface Setting {
  command: string;
  postgresVersion: string;
  /** The load of the machine before the run: above 0.2 or so, somebody else was working on it. */
  loadBefore: number;
}

export const loadNow = (): number => loadavg()[0] ?? 0;

export const machine = ({ command, postgresVersion, loadBefore }: Setting): string =>
  [
    `* ${new Date().toISOString().slice(0, 10)}: \`${command}\``,
    `* ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${whole(totalmem() / MiB / 1024)} GB of memory, ${process.platform} ${process.arch}`,
    `* Node ${process.version.slice(1)}, Postgres ${postgresVersion}, load average before the run ${loadBefore.toFixed(2)}`,
  ].join('\n');

const page = new URL('../docs/benchmarks.md', import.meta.url);

/** Puts the figures in their place in docs/benchmarks.md, between `<!-- place -->` and `<!-- end of place -->`. */
export async function writeFigures(text: string, place = 'figures'): Promise<void> {
  const [start, end] = [`<!-- ${place} -->\n`, `<!-- end of ${place} -->`];
  const old = await readFile(page, 'utf8');
  const [before, rest] = old.split(start, 2);
  const after = rest?.split(end, 2)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/benchmarks.md has no place for the figures of ${place}`);
  await writeFile(page, `${before}${start}${text}\n${end}${after}`);
}
