// A Postgres of our own for who has none: made, started and stopped with this process, in <dataDir>/postgres.
// Its parts are in embedded/: the binaries, the account they run as, the claim on the folder, the cluster, the server.
import { chmod, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { accountFor } from './embedded/account.ts';
import { findBinaries } from './embedded/binaries.ts';
import { claim } from './embedded/claim.ts';
import { clusterUrl, prepareCluster } from './embedded/cluster.ts';
import { diskProblem } from './embedded/error.ts';
import { stopOrphan } from './embedded/orphan.ts';
import { startServer } from './embedded/server.ts';

export interface Embedded {
  /** With the password: never for a log. Its role owns the database and may make others, but is no superuser. */
  url: string;
  /** Ends running statements, writes everything to disk and leaves the folder to others. May be called again. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  dataDir: string;
  log: Logger;
  /** Of Postgres, for this start only, such as `{ fsync: 'off' }` in tests. Operators have the folder's postgresql.conf. */
  settings?: Record<string, string>;
}

/** @throws EmbeddedError with a sentence for the operator: folder in use, not writable, package absent, … */
export async function startEmbedded({ dataDir, log, settings = {} }: EmbeddedOptions): Promise<Embedded> {
  try {
    return await startIn(await makeFolder(dataDir), log, settings);
  } catch (error) {
    throw diskProblem(error, dataDir) ?? error;
  }
}

async function startIn(dataDir: string, log: Logger, settings: Record<string, string>): Promise<Embedded> {
  const folder = join(dataDir, 'postgres');
  const release = await claim(dataDir, log);
  try {
    const binaries = await findBinaries();
    const account = await accountFor(folder, log);
    if (release) await stopOrphan(folder, log);
    const password = await prepareCluster({ dataDir, folder, binaries, account, log });
    const logFile = join(dataDir, 'postgres.log');
    const server = await startServer({ folder, logFile, program: binaries.postgres, account, settings, log });
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= server.stop().finally(release));
    return { url: clusterUrl(server.port, password), stop };
  } catch (error) {
    await release?.();
    throw error;
  }
}

/** Closed to others; under root passable, for the account that Postgres runs as. The secrets in it are files of mode 0600. */
async function makeFolder(dataDir: string): Promise<string> {
  const made = await mkdir(dataDir, { recursive: true });
  if (made !== undefined) await chmod(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
  return realpath(dataDir);
}
