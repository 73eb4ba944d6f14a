// What `npm run bench` can be told.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultData } from './load.ts';

export const help = `npm run bench -- [options]

  --users <n>        users in the database, 1000000 unless said otherwise
  --baseline <n>     users in the database that lookups are compared with, 10000
  --callers <list>   callers at once, 1,16,64
  --seconds <n>      of each case with each number of callers, 5; its bare counterpart takes as long again
  --only <list>      keys of cases (get, first, email, prefix, contains, contains-many, offset, create),
                     "protocols", "compare", "growth", "passwords", "sessions", "cleaning", "import" and "idle"
  --rows <n>         rows of the import without hashing, and expired sessions to clean up, 1000000
  --data <folder>    where databases are kept between runs, node_modules/.cache/roster-bench
  --small            a quick look: 10000 users against 1000, 16 callers, half a second, fewer things
  --profile <folder> leave a CPU profile of the service there; what runs under it is slower
  --write            put the figures into docs/benchmarks.md: all of them, or those of --only protocols
  --help             show this

Progress goes to standard error, the figures as Markdown to standard output. Needs Linux: CPU and memory are read from /proc.`;

const quick = {
  ...{ users: '10000', baseline: '1000', callers: '16', seconds: '0.5', rows: '20000' },
  only: 'protocols,compare,contains',
};
const full = { users: '1000000', baseline: '10000', callers: '1,16,64', seconds: '5', rows: '1000000', only: '' };

export function readOptions() {
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
  const { users, baseline, callers, seconds, rows, only } = { ...(values.small ? quick : full), ...values };
  return {
    ...values,
    data: resolve(values.data ?? defaultData),
    users: positive('users', users),
    baseline: positive('baseline', baseline),
    seconds: positive('seconds', seconds),
    rows: positive('rows', rows),
    callers: callers.split(',').map((count) => positive('callers', count)),
    isWanted: (key: string) => only === '' || only.split(',').includes(key),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0`);
  return value;
}

export type Options = ReturnType<typeof readOptions>;
