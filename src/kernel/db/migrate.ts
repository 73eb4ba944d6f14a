// Brings a database to the schema of this program: every file of drizzle/, in the journal's order, each once.
// Writing those files is left to drizzle-kit and its author.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import postgres, { type Sql } from 'postgres';
import { answerInTime } from './unreachable.ts';

/** What is wrong with the database or the migrations, in a sentence for the operator. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

export interface Migration {
  id: number;
  name: string;
  /** SHA-256 of the file, in hex, with its line ends as `\n`. */
  hash: string;
  statements: string[];
  /** False for what Postgres refuses inside a transaction, such as CREATE INDEX CONCURRENTLY. */
  transactional: boolean;
}

/**
 * A file that begins with this line runs statement by statement. After a crash it runs again from its top, so it has to
 * stand that: `DROP INDEX CONCURRENTLY IF EXISTS` before each `CREATE INDEX CONCURRENTLY`, which leaves an invalid index.
 */
const noTransaction = '-- roster: no transaction';
const breakpoint = '--> statement-breakpoint';
const oldestServer = 15;
/** The advisory lock's key, taken by nothing else: "roster" in ASCII. */
const lockKey = '125823003944306';
const lockRetryMs = 100;
/** With the requests of older replicas, or with what is still running of a process that was killed. */
const deadlock = '40P01';
const deadlockTries = 5;
const ownFolder = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/**
 * Applies what is missing. Any number of processes may call this at once: one works, the others wait for it.
 * A process killed half way leaves whole migrations behind, and the next call goes on from there.
 * @throws MigrationError when this program and the database do not fit; the driver's errors as they are.
 */
export async function migrate(url: string, { log, folder = ownFolder }: { log: Logger; folder?: string }): Promise<void> {
  const migrations = await readMigrations(folder);
  // Two connections: one holds the lock while the other works. Nothing is prepared, so that pgbouncer may stand between.
  const sql = postgres(url, {
    max: 2,
    prepare: false,
    fetch_types: false,
    connect_timeout: 10,
    connection: { application_name: 'roster migrate' },
    onnotice: ({ message }) => log.debug({ notice: message }, 'Postgres says'),
  });
  try {
    await answerInTime(checkServer(sql));
    if ((await pendingMigrations(sql, migrations)).length > 0) await applyLocked(sql, migrations, log);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** How many migrations the database lacks; nothing is changed. Throws as `migrate` does. */
export async function countPending(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, prepare: false, fetch_types: false, connect_timeout: 10, onnotice: () => {} });
  try {
    await answerInTime(checkServer(sql));
    return (await pendingMigrations(sql, await readMigrations(ownFolder))).length;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * The lock belongs to a transaction, as a session's lock would be left behind in pgbouncer's transaction mode. It is tried,
 * never waited for inside Postgres, and taken by the simple protocol, which keeps no portal open: CREATE INDEX CONCURRENTLY
 * waits for every snapshot that is older than itself.
 */
async function applyLocked(sql: Sql, migrations: Migration[], log: Logger): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const done = await sql.begin(async (lock) => {
      await lock`set local idle_in_transaction_session_timeout = 0`.simple();
      const [row] = await lock.unsafe<{ locked: boolean }[]>(`select pg_try_advisory_xact_lock(${lockKey}) as locked`);
      if (row?.locked) await applyPending(sql, migrations, log);
      return row?.locked === true;
    });
    if (done) return;
    if (attempt === 0) log.info('waiting for another process that migrates this database');
    await sleep(lockRetryMs);
  }
}

async function applyPending(sql: Sql, migrations: Migration[], log: Logger): Promise<void> {
  await createTrigrams(sql);
  await sql`
    create table if not exists roster_migrations (
      id integer primary key,
      name text not null,
      hash text not null,
      applied_at timestamptz not null default now()
    )`;
  for (const migration of await pendingMigrations(sql, migrations)) {
    log.info({ migration: migration.name }, 'migrating');
    const started = performance.now();
    await apply(sql, migration);
    log.info({ migration: migration.name, ms: Math.round(performance.now() - started) }, 'migrated');
  }
}

async function apply(sql: Sql, migration: Migration): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await (migration.transactional ? applyAtOnce(sql, migration) : applyStepwise(sql, migration));
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      if (error.code === deadlock && attempt < deadlockTries) continue;
      throw new MigrationError(
        `Migration ${migration.name} failed: ${error.message}. What came before it is applied; start again when it can work.`,
        { cause: error },
      );
    }
  }
}

async function applyAtOnce(sql: Sql, migration: Migration): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local statement_timeout = 0`;
    // First the record: should the lock be lost with its connection, a second process stops at this key.
    await tx`insert into roster_migrations (id, name, hash) values (${migration.id}, ${migration.name}, ${migration.hash})`;
    for (const statement of migration.statements) await tx.unsafe(statement);
  });
}

async function applyStepwise(sql: Sql, migration: Migration): Promise<void> {
  const connection = await sql.reserve();
  try {
    await connection`set statement_timeout = 0`;
    for (const statement of migration.statements) await connection.unsafe(statement);
    await connection`reset statement_timeout`;
    await connection`
      insert into roster_migrations (id, name, hash) values (${migration.id}, ${migration.name}, ${migration.hash})`;
  } finally {
    connection.release();
  }
}

/** The migrations that the database lacks, in order. */
async function pendingMigrations(sql: Sql, migrations: Migration[]): Promise<Migration[]> {
  const [table] = await sql<{ exists: boolean }[]>`select to_regclass('roster_migrations') is not null as exists`;
  if (!table?.exists) return migrations;
  const applied = await sql<{ id: number; name: string; hash: string }[]>`
    select id, name, hash from roster_migrations order by id`;
  const known = new Map(migrations.map((migration) => [migration.id, migration]));
  for (const { id, name, hash } of applied) {
    const migration = known.get(id);
    if (!migration) {
      throw new MigrationError(
        `The database is newer than this program: it has migration ${name}, which is unknown here. ` +
          'Start the newer release, or restore a backup from before its migration.',
      );
    }
    if (migration.name !== name || migration.hash !== hash) {
      throw new MigrationError(
        `Migration ${name} was changed after it was applied to this database (here it is ${migration.name}). ` +
          'Restore the released file, and put further changes into a new migration.',
      );
    }
  }
  const last = applied.at(-1)?.id ?? -1;
  return migrations.filter(({ id }) => id > last);
}

async function checkServer(sql: Sql): Promise<void> {
  const [server] = await sql<{ version: string }[]>`select current_setting('server_version') as version`;
  const version = server?.version ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= oldestServer)) {
    throw new MigrationError(`Postgres ${oldestServer} or newer is needed, and this server is ${version}. Upgrade it.`);
  }
}

async function createTrigrams(sql: Sql): Promise<void> {
  const [extension] = await sql`select 1 from pg_extension where extname = 'pg_trgm'`;
  if (extension) return;
  try {
    await sql`create extension pg_trgm`;
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    throw new MigrationError(
      `The extension pg_trgm, which comes with Postgres, could not be created: ${error.message}. ` +
        'Install the contrib package of the server if it is missing, and let an administrator of the database run ' +
        'CREATE EXTENSION pg_trgm in it.',
      { cause: error },
    );
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const journal: { entries: { idx: number; tag: string }[] } = JSON.parse(
    await readFile(join(folder, 'meta', '_journal.json'), 'utf8'),
  );
  const byId = journal.entries.toSorted((a, b) => a.idx - b.idx);
  return Promise.all(byId.map(({ idx, tag }) => readMigration(folder, idx, tag)));
}

async function readMigration(folder: string, id: number, name: string): Promise<Migration> {
  const text = (await readFile(join(folder, `${name}.sql`), 'utf8')).replaceAll('\r\n', '\n');
  return {
    id,
    name,
    hash: createHash('sha256').update(text).digest('hex'),
    statements: text.split(breakpoint).filter((statement) => statement.trim() !== ''),
    transactional: text.split('\n', 1)[0]?.trim() !== noTransaction,
  };
}
