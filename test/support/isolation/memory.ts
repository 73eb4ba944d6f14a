// The whole database, remembered: what has changed since, and back again.
import type { Sql } from 'postgres';

export interface Memory {
  /** The tables that hold something else than what is remembered. */
  changed(): Promise<string[]>;
  /** Touches only the rows that differ. */
  restore(changed: readonly string[]): Promise<void>;
}

interface Table {
  name: string;
  keys: string[];
  others: string[];
  /** The tables that its foreign keys point to. */
  parents: string[];
}

/** Of every table that the catalog knows, none excepted. */
export async function remember(sql: Sql): Promise<Memory> {
  const tables = parentsFirst(await findTables(sql));
  await sql.unsafe('create schema remembered');
  for (const { name } of tables) await sql.unsafe(`create table ${copyOf(name)} as table ${name}`);
  await watch(sql, tables);
  // What is written to and back again has not changed: the rows decide, but only of tables that somebody wrote to.
  const dirty = new Set<string>();
  const changed = async () => {
    for (const { name } of await sql<{ name: string }[]>`delete from remembered.writes returning name`) dirty.add(name);
    const looks = tables
      .filter(({ name }) => dirty.has(name))
      .map(async (table) => {
        const [difference] = await sql.unsafe(differing(table), [], prepared);
        if (!difference) dirty.delete(table.name);
      });
    await Promise.all(looks);
    return [...dirty];
  };
  const restore = async (names: readonly string[]) => {
    const affected = tables.filter(({ name }) => names.includes(name));
    const statements = [...affected.map(removing).reverse(), ...affected.map(returning)];
    await sql.begin((tx) => statements.map((statement) => tx.unsafe(statement, [], prepared)));
    // What triggers have done along with it.
    const left = await changed();
    if (left.length > 0) await restore(left);
  };
  return { changed, restore };
}

/** Notes each statement that writes to a table. */
async function watch(sql: Sql, tables: readonly Table[]): Promise<void> {
  await sql.unsafe(`
    create table remembered.writes (name text);
    create function remembered.note() returns trigger language plpgsql as
      $$ begin insert into remembered.writes values (format('%I.%I', tg_table_schema, tg_table_name)); return null; end $$`);
  for (const { name } of tables) {
    await sql.unsafe(`create trigger note after insert or update or delete on ${name}
      for each statement execute function remembered.note()`);
  }
}

const findTables = (sql: Sql) => sql<Table[]>`
  with columns as (
    select c.oid, a.attnum, format('%I', a.attname) as name, a.attnum = any(k.conkey) as is_key
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p')
  select format('%I.%I', n.nspname, c.relname) as name,
    array(select name from columns where oid = c.oid and is_key) as keys,
    array(select name from columns where oid = c.oid and is_key is not true) as others,
    array(select format('%I.%I', pn.nspname, p.relname) from pg_constraint f
      join pg_class p on p.oid = f.confrelid join pg_namespace pn on pn.oid = p.relnamespace
      where f.conrelid = c.oid and f.contype = 'f' and p.oid <> c.oid) as parents
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')`;

function parentsFirst(tables: readonly Table[]): Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const depth = (name: string): number => Math.max(0, ...(byName.get(name)?.parents ?? []).map((parent) => 1 + depth(parent)));
  return tables.toSorted((a, b) => depth(a.name) - depth(b.name));
}

const copyOf = (name: string): string => `remembered."${name}"`;

/** The statements are the same few each time: Postgres need not plan them again. */
const prepared = { prepare: true };

const sameKeys = (keys: readonly string[]): string => keys.map((key) => `c.${key} = t.${key}`).join(' and ');

// `*=` compares rows byte by byte.
const differing = ({ name, keys }: Table): string =>
  `select from ${name} t full join ${copyOf(name)} c on ${sameKeys(keys)} where (t *= c) is not true limit 1`;

const removing = ({ name, keys }: Table): string =>
  `delete from ${name} t where not exists (select from ${copyOf(name)} c where ${sameKeys(keys)})`;

function returning({ name, keys, others }: Table): string {
  const update =
    others.length > 0 ? `update set ${others.map((column) => `${column} = excluded.${column}`).join(', ')}` : 'nothing';
  return `insert into ${name} overriding system value select c.* from ${copyOf(name)} c
    where not exists (select from ${name} t where ${sameKeys(keys)} and t *= c) on conflict (${keys.join(', ')}) do ${update}`;
}
