import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { Db } from './driver.ts';

const dialect = new PgDialect();

/**
 * The rows of a statement as the driver reads them, each a list of its values. An object that is filled with more than a
 * dozen columns is a hash table to V8: for a page of wide rows that is most of the memory.
 */
export function valuesOf(db: Db, query: SQL): Promise<unknown[][]> {
  const statement = db._.session.prepareQuery<{ execute: unknown[][]; all: unknown; values: unknown }>(
    dialect.sqlToQuery(query),
    undefined,
    undefined,
    true,
    (rows) => rows,
  );
  return statement.execute();
}
