import { ConnectError } from '@connectrpc/connect';
import { type Config, ConfigError } from './config.ts';
import { WrongMasterKey } from './features/organization/setup.ts';
import { EmbeddedError } from './kernel/db/embedded/error.ts';
import { MigrationError } from './kernel/db/migrate.ts';
import { connectionProblem } from './kernel/db/unreachable.ts';

/** A failed start in words for the one who started it; undefined for what nobody foresaw. Holds no secret. */
export function startProblem(error: unknown, config: Config | undefined): string | undefined {
  if (error instanceof ConfigError || error instanceof EmbeddedError || error instanceof MigrationError) return error.message;
  if (error instanceof WrongMasterKey) return wrongKey;
  if (!config || !(error instanceof Error)) return undefined;
  const { host, port } = config.listen;
  const code = 'code' in error ? error.code : undefined;
  const listening = 'syscall' in error && error.syscall === 'listen';
  if (listening && code === 'EADDRINUSE')
    return `Port ${port} is in use. Stop what uses it, or set ROSTER_LISTEN, for example ROSTER_LISTEN=127.0.0.1:8081.`;
  if (listening && code === 'EACCES')
    return `Port ${port} may not be used by this user. Take one from 1024 upwards: ROSTER_LISTEN=127.0.0.1:8080.`;
  if (listening && code === 'EADDRNOTAVAIL') return `This machine has no address ${host}. Set ROSTER_LISTEN to one that it has.`;
  if ('path' in error && typeof error.path === 'string' && error.path.startsWith(config.dataDir)) {
    return `${error.path} cannot be written (${String(code)}). Set ROSTER_DATA to a folder that this user may write to.`;
  }
  return config.databaseUrl ? connectionProblem(error, config.databaseUrl) : undefined;
}

/** Whether the database could not be reached, which may pass. */
export const isUnreachable = (error: unknown, { databaseUrl }: Config): boolean =>
  databaseUrl !== undefined && connectionProblem(error, databaseUrl) !== undefined;

const wrongKey = [
  'The database was written under another master key, so its tokens and codes cannot be checked.',
  'Give this process the same key: copy master.key from the data folder of the process that made the data,',
  'or set ROSTER_MASTER_KEY to its content.',
].join(' ');

/** A call that was refused, for the command line: the sentence with its reason. */
export const callProblem = (error: unknown): string | undefined => (error instanceof ConnectError ? error.rawMessage : undefined);
