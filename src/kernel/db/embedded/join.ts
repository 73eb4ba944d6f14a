import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { clusterUrl } from './cluster.ts';

/** The embedded Postgres of a folder whose service is running, for a tool beside it; undefined when none runs. */
export async function joinEmbedded(dataDir: string): Promise<string | undefined> {
  try {
    // Line 4 of postmaster.pid is the port (PostgreSQL documentation, "Database File Layout").
    const port = Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[3]);
    const password = (await readFile(join(dataDir, 'postgres.password'), 'utf8')).trim();
    return (await isOpen(port)) ? clusterUrl(port, password) : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
