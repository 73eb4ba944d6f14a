// Fills a data folder with users, once; and takes away again what an earlier run created on top of them.
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Column, getTableColumns, getTableName, type Table } from 'drizzle-orm';
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { startEmbedded } from '../src/kernel/db/embedded.ts';
import { organizationDomains, organizations, userEvents, userMetadata, users } from '../src/kernel/db/schema.ts';
import { Ids } from '../src/kernel/ids.ts';
import { createLogger } from '../src/kernel/logger.ts';
import { textKey } from '../src/kernel/names.ts';
import { metadataRows, userRow } from './people.ts';
import { startService } from './service.ts';

/** What the usernames of users begin with that a run creates. */
export const createdPrefix = 'bench-created-';

/** Faster, and safe: a load that is cut short is one transaction, and the stop at its end writes all to disk. */
const settings = { fsync: 'off', max_wal_size: '8GB', maintenance_work_mem: '1GB', max_parallel_maintenance_workers: '2' };

export interface Prepared {
  postgresVersion: string;
  /** The organizations in descending order of size. */
  organizations: string[];
}

/** Makes `dataDir` hold `total` users beside the administrator. */
export async function prepareData(dataDir: string, total: number, say: (text: string) => void): Promise<Prepared> {
  // The service makes the instance, as it does for everybody.
  await (await startService({ dataDir })).stop();
  const embedded = await startEmbedded({ dataDir, log: createLogger('warn'), settings });
  const sql = postgres(embedded.url, { max: 1, onnotice: () => {} });
  try {
    return await fill(sql, total, say);
  } finally {
    await sql.end();
    await embedded.stop();
  }
}

async function fill(sql: Sql, total: number, say: (text: string) => void): Promise<Prepared> {
  const removed = await removeCreated(sql);
  if (removed > 0) say(`removed ${removed} users of an earlier run`);
  const existing = await countUsers(sql);
  if (existing !== 1 && existing !== total + 1) {
    throw new Error(
      `The folder holds ${existing} users and not ${total} and the administrator: give another --data, or remove it.`,
    );
  }
  if (existing === 1) await timed(say, `loaded ${total} users`, () => sql.begin((tx) => load(tx, total, say)));
  if (existing === 1 || removed > 0) await timed(say, 'vacuumed', () => sql`vacuum analyze`);
  const [server] = await sql<{ version: string }[]>`select current_setting('server_version') as version`;
  const found = await sql<{ id: string }[]>`
    select organization_id as id from users group by organization_id order by count(*) desc`;
  return { postgresVersion: server?.version ?? 'unknown', organizations: found.map(({ id }) => id) };
}

async function countUsers(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int from users`;
  return row?.count ?? 0;
}

async function removeCreated(sql: Sql): Promise<number> {
  const prefix = `${createdPrefix}%`;
  await sql`delete from user_events where user_id in (select id from users where username_key like ${prefix})`;
  const { count } = await sql`delete from users where username_key like ${prefix}`;
  return count;
}

async function timed(say: (text: string) => void, what: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await work();
  say(`${what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function load(tx: TransactionSql, total: number, say: (text: string) => void): Promise<void> {
  const admins = await tx<{ id: string; organization: string }[]>`select id, organization_id as organization from users`;
  const [admin] = admins;
  if (!admin) throw new Error('no administrator');
  const ids = [admin.organization, ...(await addOrganizations(tx))];
  const dropped = await dropIndexes(tx);
  await timed(say, 'users', () => copy(tx, users, total, (n) => [userRow(n, total, ids)]));
  await timed(say, 'metadata', () => copy(tx, userMetadata, total, (n) => metadataRows(n, total)));
  await timed(say, 'events', () => copy(tx, userEvents, total, (n) => [creation(userRow(n, total, ids), admin.id)]));
  await timed(say, 'indexes', async () => {
    for (const definition of dropped) await tx.unsafe(definition);
  });
}

async function addOrganizations(tx: TransactionSql): Promise<string[]> {
  const now = new Date();
  const source = new Ids(0, () => now);
  const added = ['Middle', 'Small'].map((name) => ({ id: source.next(), name, domain: `${textKey(name)}.example` }));
  const rows: (typeof organizations.$inferSelect)[] = added.map(({ id, name, domain }) => ({
    ...{ id, name, nameKey: textKey(name), state: 'active', primaryDomain: domain },
    ...{ sequence: 1n, createdAt: now, changedAt: now },
  }));
  await copy(tx, organizations, rows.length, (n) => rows.slice(n, n + 1));
  await copy(tx, organizationDomains, added.length, (n) =>
    added.slice(n, n + 1).map(({ id, domain }) => ({ domain, organizationId: id })),
  );
  return added.map(({ id }) => id);
}

const creation = (
  { id, organizationId, createdAt }: typeof users.$inferSelect,
  callerId: string,
): typeof userEvents.$inferSelect => ({
  ...{ userId: id, sequence: 1n, organizationId, type: 'user.created', payload: {}, callerId, createdAt },
});

/** Drops the indexes that belong to no constraint, as building them at the end is faster. Returns their definitions. */
async function dropIndexes(tx: TransactionSql): Promise<string[]> {
  const found = await tx<{ name: string; definition: string }[]>`
    select indexname as name, indexdef as definition from pg_indexes
    where schemaname = 'public' and tablename in ('users', 'user_metadata', 'user_events')
      and indexname not in (select conname from pg_constraint)`;
  for (const { name } of found) await tx`drop index ${tx(name)}`;
  return found.map(({ definition }) => definition);
}

/** Copies the rows that `rowsOf` gives for 0 to total - 1 into a table. */
async function copy<T extends Table>(
  tx: TransactionSql,
  table: T,
  total: number,
  rowsOf: (n: number) => T['$inferSelect'][],
): Promise<void> {
  const columns: [string, Column][] = Object.entries(getTableColumns(table));
  const names = columns.map(([, { name }]) => name).join(', ');
  const sink: Writable = await tx.unsafe(`copy ${getTableName(table)} (${names}) from stdin`).writable();
  await pipeline(
    Readable.from(
      chunks(
        columns.map(([key]) => key),
        total,
        rowsOf,
      ),
    ),
    sink,
  );
}

const chunkBytes = 256 * 1024;

function* chunks(keys: string[], total: number, rowsOf: (n: number) => Record<string, unknown>[]): Generator<Buffer> {
  let text = '';
  for (let n = 0; n < total; n++) {
    for (const row of rowsOf(n)) text += `${keys.map((key) => written(row[key])).join('\t')}\n`;
    if (text.length < chunkBytes) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

/** A value in COPY's text format. */
function written(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `\\\\x${value.toString('hex')}`;
  if (typeof value === 'object') return escaped(JSON.stringify(value));
  return escaped(String(value));
}

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const escaped = (text: string) => (/[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (sign) => escapes[sign] ?? sign) : text);
