import { type Column, getTableColumns, sql } from 'drizzle-orm';
import { alias, type PgTable } from 'drizzle-orm/pg-core';
import type { Db } from './driver.ts';

/** Writes rows of a table as `insertMany` takes them: as JSON, from which Postgres reads each column's type. */
export function rowWriter<T extends PgTable>(table: T): (row: T['$inferInsert']) => string {
  const columns: [string, Column][] = Object.entries(getTableColumns(table));
  return (row: Record<string, unknown>) => {
    const values: Record<string, unknown> = {};
    for (const [key, { name, default: otherwise }] of columns) values[name] = writtenValue(row[key] ?? otherwise);
    return JSON.stringify(values);
  };
}

function writtenValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value;
}

/**
 * Inserts any number of rows with one statement of one parameter: a parameter for each value would be too many for a
 * statement, and most of the time would go into them.
 */
export async function insertMany(db: Db, table: PgTable, rows: readonly string[]): Promise<void> {
  if (rows.length === 0) return;
  const given: Column[] = Object.values(getTableColumns(alias(table, 'given')));
  const list = sql.join(
    given.map((column) => sql`${column}`),
    sql`, `,
  );
  const source = sql`select ${list} from json_populate_recordset(null::${table}, ${`[${rows.join()}]`}::text::json) as given`;
  await db.insert(table).select(source);
}
