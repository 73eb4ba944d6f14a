// What the check of a token adds to a call: GetUserByID's one statement, which finds the caller and the user, beside the same
// for the user alone, put together in the same way. CPU of this process and of Postgres, in turns, in one run.
// node bench/tokenCheck.ts [--callers n] [--seconds n] [--data folder]
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { eq, sql } from 'drizzle-orm';
import { openApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { authenticate } from '../src/kernel/auth/authenticate.ts';
import type { App, UserRow } from '../src/kernel/call.ts';
import { prepared } from '../src/kernel/db/prepared.ts';
import { users } from '../src/kernel/db/schema.ts';
import { anyOf, together } from '../src/kernel/together.ts';
import { defaultData, prepareData } from './load.ts';
import { userId } from './people.ts';
import { cpuOfFamily } from './processes.ts';

const { values } = parseArgs({
  options: {
    callers: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '2' },
    data: { type: 'string', default: defaultData },
  },
});
const callers = Number(values.callers);
const milliseconds = Number(values.seconds) * 1000;
const total = 10_000;
const rounds = 4;

const one = prepared((db) =>
  db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('bench_one'),
);
const several = prepared((db) =>
  db
    .select()
    .from(users)
    .where(sql`${users.id} = any(${sql.placeholder('ids')}::text[])`)
    .prepare('bench_several'),
);

/** What `authenticate` does, without a caller. */
const findUser = together<App, string, UserRow | undefined>({
  groupOf: () => '',
  async answer({ db }, ids) {
    const [id, ...others] = new Set(ids);
    const rows = await (others.length === 0 ? one(db).execute({ id }) : several(db).execute({ ids: anyOf(ids) }));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return (asked) => byId.get(asked);
  },
});

interface Cost {
  calls: number;
  own: number;
  postgres: number;
}

async function slice(call: (id: string) => Promise<unknown>, postmaster: number): Promise<Cost> {
  const before = { own: process.cpuUsage(), postgres: cpuOfFamily(postmaster) };
  const end = performance.now() + milliseconds;
  let calls = 0;
  const caller = async () => {
    for (; performance.now() < end; calls++) {
      if (!(await call(userId(Math.floor(Math.random() * total), total)))) throw new Error('nobody was found');
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const { user, system } = process.cpuUsage(before.own);
  return { calls, own: user + system, postgres: (cpuOfFamily(postmaster) - before.postgres) * 1000 };
}

const add = (a: Cost, b: Cost): Cost => ({ calls: a.calls + b.calls, own: a.own + b.own, postgres: a.postgres + b.postgres });

async function main(): Promise<void> {
  const dataDir = join(resolve(values.data), String(total));
  await prepareData(dataDir, total, (text) => console.error(text));
  const closers: (() => Promise<void>)[] = [];
  const { app } = await openApp(readConfig({ ROSTER_DATA: dataDir, ROSTER_LOG_LEVEL: 'warn' }), {}, closers);
  const token = readFileSync(join(dataDir, 'admin.pat'), 'utf8').trim();
  const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  const checked = (subject: string) => authenticate(app, { token, time: new Date(), subject }).then((found) => found?.subject);
  const unchecked = (id: string) => findUser(app, id);
  for (const call of [checked, unchecked]) await slice(call, postmaster);
  let [withToken, without]: [Cost, Cost] = [
    { calls: 0, own: 0, postgres: 0 },
    { calls: 0, own: 0, postgres: 0 },
  ];
  for (let round = 0; round < rounds; round++) {
    withToken = add(withToken, await slice(checked, postmaster));
    without = add(without, await slice(unchecked, postmaster));
  }
  for (const close of closers.toReversed()) await close();
  const cells = ({ calls, own, postgres }: Cost) => [own / calls, postgres / calls];
  const difference = cells(withToken).map((value, index) => value - (cells(without)[index] ?? 0));
  console.log(`| CPU µs per call, ${callers} callers | service | Postgres |\n| --- | ---: | ---: |`);
  const rows = { 'with its token': cells(withToken), 'without a caller': cells(without), 'the check': difference };
  for (const [name, row] of Object.entries(rows))
    console.log(`| ${[name, ...row.map((value) => value.toFixed(1))].join(' | ')} |`);
}

await main();
