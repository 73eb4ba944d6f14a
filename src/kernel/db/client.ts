import { sql } from 'drizzle-orm';
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { type Db, databaseOver } from './driver.ts';
import { guardTransactions } from './lostTransactions.ts';
import { preparing } from './preparing.ts';

export interface DatabaseOptions {
  url: string;
  /** The most connections that this process opens. */
  pool: number;
  /** Off behind pgbouncer in transaction mode: a named statement would be looked for on another connection. */
  prepare: boolean;
  /** Milliseconds after which Postgres gives a statement up: nobody waits for its answer any more. */
  statementTimeoutMs: number;
  /**
   * Is told every statement as it is sent, `begin` and `commit` included.
   * For tests and measurements only: with it, postgres.js puts a failed statement's parameters where loggers see them.
   */
  onStatement?: ((sql: string) => void) | undefined;
}

/**
 * Lists of texts are the only arrays that are sent. The driver would ask each new connection for all array types, and when
 * that one is lost meanwhile, nobody would hear of it but the process, which would end. Those of columns Drizzle writes and
 * parses itself.
 */
const textArray = {
  to: 1009,
  from: [1009],
  serialize: (texts: readonly string[] | string): string =>
    typeof texts === 'string' ? texts : `{${texts.map((text) => `"${text.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`,
  parse: (literal: string): string => literal,
};

/** Seconds that one attempt to connect may take. */
const connectTimeout = 10;
/** Seconds between two attempts of one connection. The driver would go up to 20, with calls waiting that long for their refusal. */
const reconnectPause = 0.25;

/** Drizzle writes and parses times itself. */
const time = { to: 1184, from: [1184], serialize: (text: string): string => text, parse: (text: string): string => text };

/** Drizzle writes what goes into a column. */
const jsonb = {
  to: 3802,
  from: [3802],
  serialize: (json: string): string => json,
  parse: (json: string): unknown => JSON.parse(json),
};

/** Opens the pool; the first statement connects. Idle connections are kept, and replaced after 30 to 60 minutes. */
export function openDatabase({ url, pool, prepare, statementTimeoutMs, onStatement }: DatabaseOptions) {
  const client = guardTransactions(
    postgres(url, {
      max: pool,
      prepare,
      connect_timeout: connectTimeout,
      fetch_types: false,
      types: { textArray, time, jsonb },
      backoff: () => reconnectPause,
      // pgbouncer refuses to start a session with settings that it does not know.
      connection: { application_name: 'roster', ...(prepare && { statement_timeout: statementTimeoutMs }) },
      onnotice: () => {},
      ...(onStatement && { debug: (_connection: number, sql: string) => onStatement(sql) }),
    }),
    prepare ? preparing() : (unsafe) => unsafe,
  );
  const db = databaseOver(client);
  /** Lets running statements end for up to 5 seconds, then closes every connection. */
  const close = () => client.end({ timeout: 5 });
  return { db, client, close };
}

/**
 * Runs the work in a transaction, or where there is one already in a savepoint: when it throws, what it wrote is undone.
 * `mode` as after `begin`, such as `read only`.
 */
export async function transact<T>({ $client: client }: Db, work: (db: Db) => Promise<T>, mode = ''): Promise<T> {
  let result: { value: T } | undefined;
  await client.begin(mode, async (sql) => {
    result = { value: await work(databaseOver(inPlaceOf(client, sql))) };
  });
  if (!result) throw new Error('the transaction ended before its work');
  return result.value;
}

/** A transaction's connection in the form of the pool; to begin on it is a savepoint. */
const inPlaceOf = (pool: Sql, sql: TransactionSql): Sql =>
  new Proxy(pool, {
    apply: (_, self, args) => Reflect.apply(sql, self, args),
    get: (_, name) => {
      if (name === 'begin') return (_mode: string, work: (inner: TransactionSql) => Promise<unknown>) => sql.savepoint(work);
      return Reflect.get(name in sql ? sql : pool, name);
    },
  });

/** How many connections the server has for everybody but its superusers. */
export async function connectionsOf(db: Db): Promise<number> {
  const setting = (name: string) => sql`current_setting(${name})::int`;
  const most = sql`${setting('max_connections')} - ${setting('superuser_reserved_connections')}`;
  const [row] = await db.execute<{ most: number }>(sql`select ${most} as most`);
  return row?.most ?? 0;
}

/** The smallest question there is: does the database answer? */
export async function ping(db: Db): Promise<void> {
  await db.execute(sql`select 1`);
}
