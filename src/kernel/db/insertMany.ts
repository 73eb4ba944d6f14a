import { type Column, getTableColumns, sql } from 'drizzle-orm';
import { alias, type PgTable } from 'drizzle-orm/pg-core';
import type { Db } from './client.ts';

/**
 * Inserts any number of rows with one statement of one parameter: a parameter for each value would be too many for a
 * statement, and most of the time would go into them.
 */
export async function insertMany<T extends PgTable>(db: Db, table: T, rows: readonly T['$inferInsert'][]): Promise<void> {
  if (rows.length === 0) return;
  const columns: [string, Column][] = Object.entries(getTableColumns(table));
  const given: [string, Column][] = Object.entries(getTableColumns(alias(table, 'given')));
  const list = (entries: [string, Column][]) =>
    sql.join(
      entries.map(([, column]) => sql`${column}`),
      sql`, `,
    );
  const json = JSON.stringify(rows.map((row) => written(columns, row)));
  const source = sql`select ${list(given)} from json_populate_recordset(null::${table}, ${json}::text::json) as given`;
  await db.insert(table).select(source);
}

function written(columns: readonly [string, Column][], row: Record<string, unknown>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, { name, default: otherwise }] of columns) values[name] = writtenValue(row[key] ?? otherwise);
  return values;
}

/** As JSON from which Postgres reads the column's type. */
function writtenValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value;
}
