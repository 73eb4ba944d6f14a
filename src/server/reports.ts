// What the workers know of themselves, as the outside sees it: one page of metrics, one list of notices, whoever is asked.
import type { Report, Reports } from '../workers/messages.ts';
import type { Metric } from './metrics.ts';

/** Of a process that is alone. */
export const alone = (report: Report): Reports => ({ workers: [report], calls: {}, ended: 0 });

export function metricsOf({ workers, calls, ended }: Reports): Metric[] {
  const byWorker = (value: (report: Report) => number) =>
    workers.map((report) => [String(report.worker), value(report)] as const);
  return [
    {
      ...{ name: 'roster_deprecated_calls_total', type: 'counter', label: 'rpc' },
      help: 'Calls of deprecated methods since the service started.',
      values: summed([calls, ...workers.map((report) => report.calls)]),
    },
    {
      ...{ name: 'roster_workers', type: 'gauge', label: '' },
      help: 'Workers that serve.',
      values: [['', workers.length]],
    },
    {
      ...{ name: 'roster_worker_ends_total', type: 'counter', label: '' },
      help: 'Workers that ended without being told to.',
      values: [['', ended]],
    },
    {
      ...{ name: 'roster_connections', type: 'gauge', label: 'worker' },
      help: 'Open connections of callers.',
      values: byWorker(({ connections }) => connections),
    },
    {
      ...{ name: 'roster_resident_memory_bytes', type: 'gauge', label: 'worker' },
      help: 'Memory of the process.',
      values: byWorker(({ residentBytes }) => residentBytes),
    },
  ];
}

function summed(counts: readonly Readonly<Record<string, number>>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [key, count] of counts.flatMap((one) => Object.entries(one))) sums.set(key, (sums.get(key) ?? 0) + count);
  return sums;
}

export const noticesIn = ({ workers }: Reports): Readonly<Record<string, string>> =>
  Object.assign({}, ...workers.toSorted((a, b) => b.worker - a.worker).map(({ notices }) => notices));
