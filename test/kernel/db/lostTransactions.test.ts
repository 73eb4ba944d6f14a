import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase, transact } from '../../../src/kernel/db/client.ts';
import { isDatabaseAway } from '../../../src/kernel/db/failures.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
/** Of one connection, so that whatever comes next meets the one that was lost. */
let pool: ReturnType<typeof openDatabase>;
let other: ReturnType<typeof openDatabase>;

beforeAll(async () => {
  database = await createDatabase();
  const options = { url: database.url, pool: 1, prepare: true, statementTimeoutMs: 60_000 };
  pool = openDatabase(options);
  other = openDatabase(options);
  await other.db.execute(sql`create table written (what text)`);
});

afterAll(async () => {
  await pool.close();
  await other.close();
  await database.drop();
});

beforeEach(async () => {
  await other.db.execute(sql`truncate written`);
});

const write = (what: string) => sql`insert into written values (${what})`;
const written = async () => (await other.db.execute<{ what: string }>(sql`select what from written`)).map(({ what }) => what);
const cutOff = () =>
  other.db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and application_name = 'roster'`);

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test.each([
  ['still lost', async () => {}],
  ['back again', () => pool.db.execute(sql`select 1`)],
])('a transaction goes no further when its connection was lost and is %s', async (_, meanwhile) => {
  const second = Promise.withResolvers<unknown>();
  const lost: Promise<unknown> = transact(pool.db, async (tx) => {
    await tx.execute(write('first'));
    await cutOff();
    await failureOf(lost);
    await meanwhile();
    second.resolve(await failureOf(tx.execute(write('second'))));
  });
  expect(isDatabaseAway(await failureOf(lost))).toBe(true);
  expect(await second.promise).toBeInstanceOf(Error);
  await pool.db.execute(write('after'));
  expect(await written()).toEqual(['after']);
});

test('a transaction fails with its connection, and the connection after it is sound', async () => {
  const lost = transact(pool.db, async (tx) => {
    await tx.execute(write('first'));
    await Promise.all([tx.execute(sql`select pg_sleep(60)`), cutOff()]);
  });
  expect(isDatabaseAway(await failureOf(lost))).toBe(true);
  // The driver may tell of the end once more, to the first statement on the new connection.
  await failureOf(pool.db.execute(sql`select 1`));
  await transact(pool.db, async (tx) => {
    await tx.execute(write('second'));
  });
  expect(await written()).toEqual(['second']);
});

test('a transaction that fails by itself is rolled back, to its savepoint or as a whole', async () => {
  const failed = transact(pool.db, async (tx) => {
    await tx.execute(write('whole'));
    throw new Error('by itself');
  });
  expect(await failureOf(failed)).toMatchObject({ message: 'by itself' });
  await transact(pool.db, async (tx) => {
    await tx.execute(write('kept'));
    await failureOf(
      transact(tx, async (inner) => {
        await inner.execute(write('inner'));
        throw new Error('by itself');
      }),
    );
  });
  expect(await written()).toEqual(['kept']);
});
