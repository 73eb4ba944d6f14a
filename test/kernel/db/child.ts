// The parts of a start as programs of their own.
import { fileURLToPath } from 'node:url';
import { type Child, run } from '../../support/process.ts';

const starter = fileURLToPath(new URL('./startEmbedded.ts', import.meta.url));
const migrator = fileURLToPath(new URL('./migrateDatabase.ts', import.meta.url));

/** Starts an embedded Postgres and prints `ready <url>`; stops it at SIGTERM, leaves by process.exit at SIGUSR2. */
export const startingChild = (dataDir: string, account: { uid?: number; gid?: number } = {}): Child =>
  run(starter, [dataDir], account);

/** Migrates and prints its log. */
export const migratingChild = (url: string, folder: string): Child => run(migrator, [url, folder]);
