import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { type Account, commandAs } from './account.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedError } from './error.ts';

interface Place {
  dataDir: string;
  folder: string;
  binaries: Binaries;
  account: Account | undefined;
  log: Logger;
}

/** The service's role owns its database and may make others, but is no superuser: SQL alone never reaches the machine. */
const role = 'roster';
const database = 'roster';

export const clusterUrl = (port: number, password: string): string =>
  `postgres://${role}:${password}@127.0.0.1:${port}/${database}`;

/** Only that role, only from this machine, only with the password. */
const accessRules = `host all ${role} 127.0.0.1/32 scram-sha-256\n`;

const mebibyte = 1024 * 1024;

/** A sixteenth of the memory, in bytes, that this process may use; at least 128 MB, at most 1 GB. */
export function sharedBuffers(memory: number): string {
  const sixteenth = Math.floor(memory / 16 / mebibyte);
  return `${Math.min(Math.max(sixteenth, 128), 1024)}MB`;
}

/** Written to postgresql.conf, where an operator may change them. */
const tunables = {
  shared_buffers: sharedBuffers(Math.min(totalmem(), process.constrainedMemory() || Infinity)),
  // Twenty indexes write whole pages after each checkpoint: few checkpoints, also while a million users are imported.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Makes what is missing: the password, the cluster with its role and database. Returns the role's password. */
export async function prepareCluster(place: Place): Promise<string> {
  const { dataDir, folder } = place;
  const passwordFile = join(dataDir, 'postgres.password');
  const known = (await readFile(passwordFile, 'utf8').catch(missing))?.trim();
  const password = known || randomBytes(32).toString('base64url');
  if (!(await isCluster(place))) await createCluster(place, password);
  else if (!known) await runAlone(place, folder, [`alter role ${role} password '${password}'`]);
  if (!known) await writePassword(passwordFile, password);
  return password;
}

async function writePassword(file: string, password: string): Promise<void> {
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

async function isCluster({ folder, binaries }: Place): Promise<boolean> {
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(missing);
  if (version === undefined) {
    const content = (await readdir(folder).catch(missing)) ?? [];
    if (content.length === 0) return false;
    throw new EmbeddedError(`The folder ${folder} holds something else than a Postgres cluster. Move it away.`);
  }
  if (Number(version) === binaries.major) return true;
  throw new EmbeddedError(
    `The data in ${folder} is of Postgres ${version.trim()}, and this release brings Postgres ${binaries.major}. Start the ` +
      'release that wrote it, dump the database with pg_dump, move the folder away, and restore the dump here.',
  );
}

/** Made under another name and renamed when whole: a start that is cut short leaves nothing that looks like a cluster. */
async function createCluster(place: Place, password: string): Promise<void> {
  const { dataDir, folder, account, log } = place;
  const drafts = join(dataDir, 'postgres.new.');
  log.info({ folder }, 'creating the embedded Postgres, once');
  await removeDrafts(dataDir, basename(drafts));
  const draft = await mkdtemp(drafts);
  if (account) await chown(draft, account.uid, account.gid);
  await initialise(place, draft);
  await runAlone(place, draft, [
    `create role ${role} login createdb password '${password}'`,
    `create database ${database} owner ${role}`,
  ]);
  await writeFile(join(draft, 'pg_hba.conf'), accessRules, { flush: true });
  await rename(draft, folder);
}

/** An initdb whose parent was killed may still be writing into its own: then the next start removes the rest. */
async function removeDrafts(dataDir: string, prefix: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(prefix)) await rm(join(dataDir, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** What the system's library counts as a letter. Under plain C, pg_trgm would index ASCII only. */
const lettersOf: Partial<Record<NodeJS.Platform, string>> = { linux: 'C.UTF-8', darwin: 'en_US.UTF-8' };

/** The collation sorts by code point, the same on every machine and for good: an update of the system cannot break an index. */
async function initialise(place: Place, draft: string): Promise<void> {
  const args = ['-D', draft, '--username=postgres', '--auth=reject', '--encoding=UTF8', '--no-instructions'];
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--lc-collate=C'];
  const letters = `--lc-ctype=${lettersOf[process.platform] ?? 'C'}`;
  const set = Object.entries(tunables).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  await run(place, place.binaries.initdb, draft, [...args, ...locale, letters, ...set], '');
}

/** Runs SQL, a statement a line, in a Postgres that serves nobody else, as its superuser. */
async function runAlone(place: Place, folder: string, statements: string[]): Promise<void> {
  const settings = ['exit_on_error=on', 'log_min_error_statement=panic', 'log_checkpoints=off'].flatMap((setting) => [
    '-c',
    setting,
  ]);
  await run(
    place,
    place.binaries.postgres,
    folder,
    ['--single', '-D', folder, ...settings, 'postgres'],
    `${statements.join('\n')}\n`,
  );
}

async function run({ account }: Place, program: string, folder: string, programArgs: string[], input: string): Promise<void> {
  const { file, args, options } = await commandAs(account, program, programArgs, folder);
  const child = spawn(file, args, { ...options, stdio: 'pipe' });
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => (output += part));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new EmbeddedError(`Postgres could not be set up: ${output.trim().split('\n').slice(-3).join(' / ')}`);
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
