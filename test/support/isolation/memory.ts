// The whole database, remembered: what has changed since, and back again.
import type { Sql } from 'postgres';

export interface Memory {
  /** Puts back what has changed; returns the tables that held something else. */
  undo(): Promise<string[]>;
}

/** Of every table that the catalog knows, none excepted. */
export async function remember(sql: Sql): Promise<Memory> {
  await sql.unsafe(journal);
  const tables = parentsFirst(await findTables(sql));
  for (const [place, { name, keys, others }] of tables.entries()) {
    const same = keys.map((key) => `t.${key} = r.${key}`).join(' and ');
    const update = others.map((column) => `${column} = excluded.${column}`).join(', ');
    const otherwise = `on conflict (${keys}) do ${update === '' ? 'nothing' : `update set ${update}`}`;
    await sql`insert into remembered.tables values (${place}, ${name})`;
    await sql.unsafe(stepsOf(place, { name, same, otherwise }));
    await sql.unsafe(`create trigger remembered after insert or update or delete on ${name}
      for each row execute function remembered.note('${name}')`);
  }
  const undo = async () => (await sql<{ name: string }[]>`select distinct remembered.undo() as name`).map(({ name }) => name);
  return { undo };
}

interface Table {
  name: string;
  keys: string[];
  others: string[];
  /** The tables that its foreign keys point to. */
  parents: string[];
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
  where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'remembered')`;

function parentsFirst(tables: readonly Table[]): Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const depth = (name: string): number => Math.max(0, ...(byName.get(name)?.parents ?? []).map((parent) => 1 + depth(parent)));
  return tables.toSorted((a, b) => depth(a.name) - depth(b.name));
}

/**
 * Every row that is written is noted as it was and as it is, whoever writes it. What is in both lists as often has not
 * changed. What is too much goes from the last table to the first, and what is missing comes from the first to the last.
 */
const journal = `
  create schema remembered;
  create table remembered.tables (place int, name text);
  create unlogged table remembered.rows (name text, before text, after text);
  create function remembered.note() returns trigger language plpgsql as
    $$ begin insert into remembered.rows values (tg_argv[0], old::text, new::text); return null; end $$;
  create view remembered.changes as
    with befores as (select name, before as row from remembered.rows where before is not null),
      afters as (select name, after as row from remembered.rows where after is not null),
      lost as (select name, array_agg(row) as rows from (table befores except all table afters) each group by name),
      added as (select name, array_agg(row) as rows from (table afters except all table befores) each group by name)
    select t.*, lost.rows as lost, added.rows as added
    from remembered.tables t left join lost using (name) left join added using (name)
    where lost.rows is not null or added.rows is not null;
  create function remembered.undo() returns setof text language plpgsql as $$
    declare
      changes remembered.changes[];
      one remembered.changes;
    begin
      if not exists (select from remembered.rows) then
        return;
      end if;
      loop
        -- Putting back is noted too: what other triggers did along with it shows the next time.
        changes := array(select c from remembered.changes c order by place);
        exit when cardinality(changes) = 0;
        for i in reverse cardinality(changes)..1 loop
          one := changes[i];
          execute format('select remembered.take_%s($1, $2)', one.place) using one.added, one.lost;
        end loop;
        foreach one in array changes loop
          execute format('select remembered.give_%s($1)', one.place) using one.lost;
          return next one.name;
        end loop;
      end loop;
      delete from remembered.rows;
    end $$`;

/** Functions of each table, as the plans of what stands in them are kept. */
function stepsOf(place: number, { name, same, otherwise }: { name: string; same: string; otherwise: string }): string {
  // Each text is made a row once, and not once for each of its columns.
  const rowsOf = (texts: string) =>
    `(select (one).* from (select row::${name} as one from unnest(${texts}) row offset 0) rows) r`;
  return `
    create function remembered.take_${place}(added text[], lost text[]) returns void language plpgsql as
      $$ begin delete from ${name} t using ${rowsOf('added')} where ${same} and not exists (select from ${rowsOf('lost')} where ${same}); end $$;
    create function remembered.give_${place}(lost text[]) returns void language plpgsql as
      $$ begin insert into ${name} overriding system value select * from ${rowsOf('lost')} ${otherwise}; end $$;`;
}
