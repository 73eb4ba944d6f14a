import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import postgres, { type Sql } from 'postgres';
import { type Db, databaseOver } from './driver.ts';

interface Query<T> {
  execute(values: Record<string, unknown>): Promise<T>;
}

/** Where the statement that is being sent goes to; set for no longer than a query takes to hand it on. */
let receiver: Sql | undefined;

/** Connects to nothing: what its queries hand on goes to whoever receives at that moment. */
const template = databaseOver(
  new Proxy(postgres({ max: 1 }), {
    get: (target, name) => {
      if (name !== 'unsafe') return Reflect.get(target, name);
      if (!receiver) throw new Error('a prepared query was run outside of a database');
      const { unsafe } = receiver;
      receiver = undefined;
      return unsafe;
    },
  }),
);

/**
 * A query that is built once per process, for the pool and for every transaction: building it for each request costs more
 * than running it. Its placeholders reach Postgres as they are, but for those that are the value of a column.
 */
export function prepared<T>(build: (db: Db) => Query<T>): (db: Db) => Query<T> {
  let built: Query<T> | undefined;
  return (db) => ({
    execute: (values) => {
      built ??= build(template);
      receiver = db.$client;
      const result = built.execute(values);
      return receiver === undefined ? result : late(result);
    },
  });
}

/** A placeholder for each column of a row that is inserted, under its name. */
export function placeholdersOf<T extends PgTable>(table: T): { [Name in keyof T['$inferInsert']]-?: SQL };
export function placeholdersOf(table: PgTable): Record<string, SQL> {
  const entries = Object.entries(getTableColumns(table)).map(([name, column]) => {
    // Drizzle gives null to the column's encoder as well, when it comes through a placeholder.
    const encoder = { mapToDriverValue: (value: unknown) => (value === null ? null : column.mapToDriverValue(value)) };
    return [name, sql`${sql.param(sql.placeholder(name), encoder)}`] as const;
  });
  return Object.fromEntries(entries);
}

/** What is sent in its own time would go to whoever receives then. */
async function late<T>(result: Promise<T>): Promise<T> {
  receiver = undefined;
  await result;
  throw new Error('a prepared query did not hand its statement on at once');
}

/** The values of all placeholders of a row: what it does not say, its columns' defaults do. */
export function completed<T extends PgTable>(table: T, row: T['$inferInsert']): Record<string, unknown> {
  const defaults = Object.entries(getTableColumns(table)).map(([name, column]) => [name, column.default ?? null]);
  return { ...Object.fromEntries(defaults), ...row };
}
