import { sql } from 'drizzle-orm';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openDatabase, transact } from '../../../src/kernel/db/client.ts';
import { isTimedOut } from '../../../src/kernel/db/failures.ts';
import { plannedAnew } from '../../../src/kernel/db/preparing.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  return () => database.drop();
});

/** One connection, so that what Postgres has prepared on it can be asked for. */
function connect({ prepare = true, statementTimeoutMs = 60_000 } = {}) {
  const { db, close } = openDatabase({ url: database.url, pool: 1, prepare, statementTimeoutMs });
  onTestFinished(close);
  const prepared = async () => {
    const rows = await db.execute<{ statement: string }>(sql`select statement from pg_prepared_statements`);
    return rows.map(({ statement }) => statement);
  };
  return { db, prepared };
}

test('a statement is prepared once, in a transaction and outside', async () => {
  const { db, prepared } = connect();
  for (const value of [1, 2, 3]) await db.execute(sql`select ${value}::int as outside`);
  await transact(db, async (tx) => {
    for (const value of [1, 2, 3]) await tx.execute(sql`select ${value}::int as inside`);
    await transact(tx, (inner) => inner.execute(sql`select ${1}::int as inside`));
  });
  const texts = (await prepared()).filter((text) => /outside|inside/.test(text));
  expect(texts.toSorted()).toEqual(['select $1::int as inside', 'select $1::int as outside']);
});

test('callers cannot fill the memory of Postgres with statements', async () => {
  const { db, prepared } = connect();
  for (let shape = 0; shape < 400; shape++) {
    await db.execute(sql`select ${shape}::int ${sql.join(Array(shape).fill(sql`+ 1`), sql` `)}`);
  }
  expect((await prepared()).length).toBeLessThanOrEqual(301);
  expect((await db.execute<{ last: number }>(sql`select ${41}::int + 1 as last`))[0]).toEqual({ last: 42 });
});

test('a statement that is to be planned anew is not prepared', async () => {
  const { db, prepared } = connect();
  await db.execute(sql`${plannedAnew} select ${1}::int as anew`);
  await db.execute(sql`select ${1}::int as kept`);
  expect((await prepared()).filter((text) => /as (anew|kept)/.test(text))).toEqual(['select $1::int as kept']);
});

test('nothing is prepared behind a pooler that shares connections', async () => {
  const { db, prepared } = connect({ prepare: false });
  await db.execute(sql`select ${1}::int as outside`);
  expect(await prepared()).toEqual([]);
});

test('a statement that takes too long is given up, and the connection goes on', async () => {
  const { db } = connect({ statementTimeoutMs: 50 });
  const failed = await db.execute(sql`select pg_sleep(60)`).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isTimedOut(failed)).toBe(true);
  expect(await db.execute(sql`select 1 as one`)).toHaveLength(1);
});
