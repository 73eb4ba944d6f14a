// Fills a data folder with users, once; and takes away again what an earlier run created on top of them.
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { startEmbedded } from '../src/kernel/db/embedded.ts';
import { Ids } from '../src/kernel/ids.ts';
import { createLogger } from '../src/kernel/logger.ts';
import { email, phone, smallOrganizations, userId, username } from './people.ts';
import { type Block, insertMetadata, insertUsers, prepareRows } from './rows.ts';
import { startService } from './service.ts';

/** Where databases are kept between runs, each in a folder named by its size. */
export const defaultData = 'node_modules/.cache/roster-bench';

/** What the usernames of users begin with that a run creates. */
export const createdPrefix = 'bench-created-';

/** Faster, and safe: a load that is cut short is one transaction, and the stop at its end writes all to disk. */
const settings = { fsync: 'off', max_wal_size: '8GB', maintenance_work_mem: '1GB', max_parallel_maintenance_workers: '2' };
/** Users of one statement: progress is told after each. */
const blockSize = 250_000;

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
  if (existing === 1) await timed(say, `${total} users`, () => sql.begin((tx) => load(tx, total, say)));
  if (existing === 1 || removed > 0) await timed(say, 'vacuum and analyze', () => sql`vacuum (freeze, analyze)`);
  for (const n of [0, Math.floor(total / 2), total - 1]) await verify(sql, n, total);
  const [server] = await sql<{ version: string }[]>`select current_setting('server_version') as version`;
  const found = await sql<{ id: string }[]>`
    select organization_id as id from users group by organization_id order by count(*) desc, 1`;
  return { postgresVersion: server?.version ?? 'unknown', organizations: found.map(({ id }) => id) };
}

async function countUsers(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int from users`;
  return row?.count ?? 0;
}

/** That Postgres made of user n whom requests will ask for. */
async function verify(sql: Sql, n: number, total: number): Promise<void> {
  const [row] = await sql`select username, email, phone from users where id = ${userId(n, total)}`;
  const isRight = row?.username === username(n) && row.email === email(n) && row.phone === phone(n);
  if (!isRight) throw new Error(`The folder's user ${n} is another one: remove the folder.`);
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
  await prepareRows(tx, [admin.organization, ...(await addOrganizations(tx, 1 + smallOrganizations(total)))]);
  const dropped = await dropIndexes(tx);
  for (let from = 0; from < total; from += blockSize) {
    const block: Block = { from, to: Math.min(from + blockSize, total), total };
    await timed(say, `users up to ${block.to}`, () => insertUsers(tx, block, admin.id));
    await insertMetadata(tx, block);
  }
  for (const { name, definition } of dropped) await timed(say, `index ${name}`, () => tx.unsafe(definition));
}

async function addOrganizations(tx: TransactionSql, count: number): Promise<string[]> {
  const now = new Date();
  const source = new Ids(0, () => now);
  const ids = Array.from({ length: count }, () => source.next());
  await tx`
    insert into organizations (id, name, name_key, state, primary_domain, sequence, created_at, changed_at)
    select id, 'Firm ' || place, 'firm ' || place, 'active', 'firm-' || place || '.example', 1, ${now}, ${now}
    from unnest(${tx.array(ids)}::text[]) with ordinality as given (id, place)`;
  await tx`
    insert into organization_domains (domain, organization_id) select primary_domain, id from organizations where id = any(${tx.array(ids)})`;
  return ids;
}

/** Drops the indexes that belong to no constraint, as building them at the end is faster. */
async function dropIndexes(tx: TransactionSql): Promise<{ name: string; definition: string }[]> {
  const found = await tx<{ name: string; definition: string }[]>`
    select indexname as name, indexdef as definition from pg_indexes
    where schemaname = 'public' and tablename in ('users', 'user_metadata', 'user_events')
      and indexname not in (select conname from pg_constraint)`;
  for (const { name } of found) await tx`drop index ${tx(name)}`;
  return [...found];
}
