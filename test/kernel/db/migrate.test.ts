import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { migrate } from '../../../src/kernel/db/migrate.ts';
import { scratch } from '../../support/scratch.ts';
import { migratingChild } from './child.ts';

const log = pino({ level: 'silent' });
const folders: string[] = [];

let url: string;
let sql: Sql;

/** An empty database of its own for every test. */
beforeEach(async () => {
  const name = `migrate_${randomBytes(6).toString('hex')}`;
  const admin = postgres(inject('serverUrl'), { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} template template0`);
  const address = new URL(inject('serverUrl'));
  address.pathname = `/${name}`;
  url = address.href;
  sql = postgres(url, { max: 3, onnotice: () => {} });
  return async () => {
    await sql.end();
    await admin.unsafe(`drop database ${name} with (force)`);
    await admin.end();
  };
});

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A folder of migrations as drizzle-kit leaves it: 0000_first.sql, 0001_second.sql, … */
async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'roster-migrations-'));
  folders.push(folder);
  await fill(folder, files);
  return folder;
}

async function fill(folder: string, files: Record<string, string>): Promise<void> {
  const entries = Object.keys(files).map((name, idx) => ({
    idx,
    version: '7',
    when: 1,
    tag: tagOf(name, idx),
    breakpoints: true,
  }));
  await mkdir(join(folder, 'meta'), { recursive: true });
  await writeFile(join(folder, 'meta', '_journal.json'), JSON.stringify({ version: '7', dialect: 'postgresql', entries }));
  for (const [idx, [name, text]] of Object.entries(files).entries())
    await writeFile(join(folder, `${tagOf(name, idx)}.sql`), text);
}

const tagOf = (name: string, idx: number) => `${String(idx).padStart(4, '0')}_${name}`;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

/** Whether somebody waits for a lock in this database. */
async function isSomebodyBlocked(): Promise<boolean> {
  const [row] = await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return row !== undefined;
}

const applied = async () => (await sql`select id, name from roster_migrations order by id`).map(({ id, name }) => [id, name]);

describe('migrations', () => {
  const first = 'create table people (id int primary key);\n--> statement-breakpoint\ninsert into people values (1), (2);';

  test('run in order, are recorded, and run once', async () => {
    const folder = await folderOf({ people: first, more: 'insert into people values (3);' });
    await migrate(url, { log, folder });
    await migrate(url, { log, folder });
    expect(await sql`select id from people order by id`).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(await applied()).toEqual([
      [0, '0000_people'],
      [1, '0001_more'],
    ]);
    expect(await sql`select 1 from pg_extension where extname = 'pg_trgm'`).toHaveLength(1);
  });

  test('that are all applied need no lock', async () => {
    const folder = await folderOf({ people: first });
    await migrate(url, { log, folder });
    await sql.begin(async (tx) => {
      await tx`lock table roster_migrations in share row exclusive mode`;
      await tx`select pg_advisory_xact_lock(125823003944306)`;
      await migrate(url, { log, folder });
    });
  });

  test('go on where an earlier release ended', async () => {
    const folder = await folderOf({ people: first });
    await migrate(url, { log, folder });
    await fill(folder, { people: first, more: 'insert into people values (3);' });
    await migrate(url, { log, folder });
    expect(await sql`select id from people`).toHaveLength(3);
  });

  test('that fail leave the earlier ones, and go on once mended', async () => {
    const files = {
      people: first,
      wrong: 'create table half ();\n--> statement-breakpoint\ncreate tabel;',
      last: 'create table last ();',
    };
    const folder = await folderOf(files);
    await expect(migrate(url, { log, folder })).rejects.toThrow(
      /^Migration 0001_wrong failed: syntax error at or near "tabel"\./,
    );
    expect(await applied()).toEqual([[0, '0000_people']]);
    await fill(folder, { ...files, wrong: 'create table half ();' });
    await migrate(url, { log, folder });
    expect(await applied()).toHaveLength(3);
  });

  test('that lose a deadlock are tried again, but not for ever', async () => {
    await sql`create sequence tries`;
    const failing = (times: number) =>
      `do $$ begin if nextval('tries') <= ${times} then raise 'deadlock detected' using errcode = '40P01'; end if; end $$;`;
    const folder = await folderOf({ lucky: failing(2), unlucky: failing(1000) });
    await expect(migrate(url, { log, folder })).rejects.toThrow('Migration 0001_unlucky failed: deadlock detected.');
    expect(await applied()).toEqual([[0, '0000_lucky']]);
  });

  test('that were changed after they were applied are refused', async () => {
    const folder = await folderOf({ people: first });
    await migrate(url, { log, folder });
    await fill(folder, { people: first.replaceAll('\n', '\r\n') });
    await migrate(url, { log, folder });
    await fill(folder, { people: `${first} ` });
    await expect(migrate(url, { log, folder })).rejects.toThrow('Migration 0000_people was changed after it was applied');
    await fill(folder, { folk: first });
    await expect(migrate(url, { log, folder })).rejects.toThrow('Migration 0000_people was changed after it was applied');
  });

  test('of a newer program are refused', async () => {
    await migrate(url, { log, folder: await folderOf({ people: first, more: 'insert into people values (3);' }) });
    await expect(migrate(url, { log, folder: await folderOf({ people: first }) })).rejects.toThrow(
      'The database is newer than this program: it has migration 0001_more',
    );
  });
});

describe('several processes', () => {
  test('share the work: five at once, an index built concurrently among it', async () => {
    const folder = await folderOf({
      people: 'create table people (id serial primary key, name text);',
      names: `insert into people (name) select 'n' || n from generate_series(1, 1000) n;`,
      index: '-- roster: no transaction\ncreate index concurrently people_name on people (name);',
      last: `insert into people (name) values ('last');`,
    });
    const children = await sql.begin(async (tx) => {
      // Held until all five have met it: they race from there.
      await tx`select pg_advisory_xact_lock(125823003944306)`;
      const started = Array.from({ length: 5 }, () => migratingChild(url, folder));
      await Promise.all(started.map((child) => child.line('waiting for another process')));
      return started;
    });
    expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([0, 0, 0, 0, 0]);
    expect(await sql`select count(*)::int as count from people`).toEqual([{ count: 1001 }]);
    expect(await applied()).toHaveLength(4);
    const lines = children.flatMap((child) => child.output().split('\n')).filter((line) => line.includes('"migrated"'));
    expect(lines).toHaveLength(4);
  });

  test('may be killed in the middle of a migration: it is undone and done again', async () => {
    await sql`create table gate ()`;
    const folder = await folderOf({
      whole: 'create table whole ();',
      half: 'create table half ();\n--> statement-breakpoint\nlock table gate;\n--> statement-breakpoint\ncreate table rest ();',
    });
    await sql.begin(async (tx) => {
      await tx`lock table gate`;
      const child = migratingChild(url, folder);
      await until(isSomebodyBlocked);
      child.process.kill('SIGKILL');
      await child.exited;
      expect(await sql`select to_regclass('whole') as whole, to_regclass('half') as half`).toEqual([
        { whole: 'whole', half: null },
      ]);
    });
    await migrate(url, { log, folder });
    expect(await applied()).toHaveLength(2);
    expect(await sql`select to_regclass('half') as half, to_regclass('rest') as rest`).toEqual([{ half: 'half', rest: 'rest' }]);
  });

  test('may be killed while an index is built concurrently: it is built again, and valid', async () => {
    const folder = await folderOf({
      people: 'create table people (id int);',
      index: [
        '-- roster: no transaction',
        'drop index concurrently if exists people_id;',
        '--> statement-breakpoint',
        'create index concurrently people_id on people (id);',
      ].join('\n'),
    });
    await migrate(url, { log, folder: await folderOf({ people: 'create table people (id int);' }) });
    await sql.begin(async (tx) => {
      // The index waits for this transaction to end.
      await tx`insert into people values (1)`;
      const child = migratingChild(url, folder);
      await until(isSomebodyBlocked);
      child.process.kill('SIGKILL');
      await child.exited;
      const [builder] = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query like '%create index concurrently%'`;
      expect(builder).toBeDefined();
    });
    const isValid = () => sql`select indisvalid from pg_index where indexrelid = to_regclass('people_id')`;
    expect(await isValid()).toEqual([{ indisvalid: false }]);
    await migrate(url, { log, folder });
    expect(await isValid()).toEqual([{ indisvalid: true }]);
    expect(await applied()).toHaveLength(2);
  });
});

describe('a database', () => {
  test('that does not allow pg_trgm is named, with what to do', async () => {
    await sql.unsafe(`revoke create on database ${new URL(url).pathname.slice(1)} from current_user`);
    const folder = await folderOf({ people: 'create table people ();' });
    await expect(migrate(url, { log, folder })).rejects.toThrow(/pg_trgm.*permission denied.*CREATE EXTENSION pg_trgm/);
  });

  test('older than Postgres 15 is refused', async () => {
    // Found before pg_catalog's, so that the server passes for an older one.
    await sql`create schema old`;
    await sql`create function old.current_setting(text) returns text language sql return '14.9 (Debian 14.9-1)'`;
    await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set search_path = old, pg_catalog, public`);
    const folder = await folderOf({ people: 'create table people ();' });
    await expect(migrate(url, { log, folder })).rejects.toThrow('Postgres 15 or newer is needed, and this server is 14.9');
  });

  test('takes the migrations of this program', async () => {
    await migrate(url, { log });
    expect(await sql`select id from users`).toEqual([]);
  });
});
