// Postgres refuses to run as root. This is how a service that runs as root starts it nevertheless.
import { execFile, type SpawnOptions } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { EmbeddedError } from './error.ts';

export interface Account {
  uid: number;
  gid: number;
}

const execute = promisify(execFile);
const userName = 'postgres';

/** Whom Postgres runs as: undefined for ourselves; under root the owner of the data, at first the user `postgres`. */
export async function accountFor(folder: string, log: Logger): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(folder).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (await findUser()) ?? (await createUser(log));
}

async function findUser(): Promise<Account | undefined> {
  const id = async (flag: string) => Number((await execute('id', [flag, userName])).stdout);
  try {
    return { uid: await id('-u'), gid: await id('-g') };
  } catch {
    return undefined;
  }
}

async function createUser(log: Logger): Promise<Account> {
  log.info({ user: userName }, 'creating a user of the system, as Postgres does not run as root');
  try {
    await execute('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', userName]);
    const user = await findUser();
    if (user) return user;
    throw new Error('the new user is not found');
  } catch (error) {
    throw new EmbeddedError(
      `Postgres does not run as root, and the user ${userName} could not be created: ${String(error)}. ` +
        'Start this service as an ordinary user, or set DATABASE_URL to a Postgres of your own.',
      { cause: error },
    );
  }
}

export interface Command {
  file: string;
  args: string[];
  options: SpawnOptions;
}

/** The command that runs a program of Postgres on a data folder as `account`. */
export async function commandAs(account: Account | undefined, file: string, args: string[], folder: string): Promise<Command> {
  const env = { ...inherited(), LC_ALL: 'C', TZ: 'UTC' };
  if (!account) return { file, args, options: { env } };
  const closed = (await closedPath(file, account)) ?? (await closedPath(dirname(folder), account));
  if (closed === undefined) return { file, args, options: { env, ...account, cwd: '/' } };
  await requireSetpriv(closed);
  return { file: 'setpriv', args: [...passEverywhere(account), file, ...args], options: { env, cwd: '/' } };
}

/** Neither the service's secrets nor PG… variables are for Postgres. */
function inherited(): NodeJS.ProcessEnv {
  const names = ['PATH', 'LD_LIBRARY_PATH', 'SystemRoot', 'TEMP'];
  return Object.fromEntries(names.map((name) => [name, process.env[name]]).filter(([, value]) => value !== undefined));
}

/**
 * Lets Postgres through folders that are closed to its account, such as /root, where both the program and its data often
 * are: it keeps root's right to pass and read, nothing else of root. Its access(2) checks need no_setuid_fixup for that.
 */
const passEverywhere = ({ uid, gid }: Account) => [
  ...['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--securebits', '+no_setuid_fixup'],
  ...['--inh-caps', '-all,+dac_override', '--ambient-caps', '-all,+dac_override'],
];

/** The first part of a path that the account may not pass or, being a program, not run. */
async function closedPath(path: string, { uid, gid }: Account): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await closedPath(parent, { uid, gid });
  if (above !== undefined) return above;
  const part = await stat(path);
  const passable = part.uid === uid ? 0o100 : part.gid === gid ? 0o010 : 0o001;
  return (part.mode & passable) === 0 ? path : undefined;
}

async function requireSetpriv(closed: string): Promise<void> {
  try {
    await execute('setpriv', [...passEverywhere({ uid: 65534, gid: 65534 }), 'true']);
  } catch (error) {
    throw new EmbeddedError(
      `Postgres does not run as root, and its user may not pass ${closed}. Start this service as an ordinary ` +
        'user, or keep the program and ROSTER_DATA in folders that are open to others, such as /opt/roster and /var/lib/roster.',
      { cause: error },
    );
  }
}
