import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join, relative } from 'node:path';
import type { Logger } from 'pino';
import { EmbeddedError } from './error.ts';

/** What sun_path holds on the strictest system (macOS), without its final zero. */
const longestSocketPath = 103;
const answerTimeoutMs = 2000;

/** Errors of the folder itself. With any other, it stands on a file system without sockets. */
const folderErrors = ['EACCES', 'EROFS', 'ENOSPC', 'EDQUOT', 'EIO', 'ENOENT', 'ENOTDIR'];

export type Release = () => Promise<void>;

/**
 * Makes this process the only one on the folder, until the returned function is called or the process is gone, however
 * it went: the claim is a socket that it listens on, so nothing can be left behind that looks alive. Unlike a process id
 * in a file, that also holds between containers that share the folder.
 * @returns undefined where no such socket can be made, which leaves it to Postgres to refuse a second start.
 */
export async function claim(dataDir: string, log: Logger): Promise<Release | undefined> {
  const path = socketPath(dataDir);
  try {
    return (await listenOn(path)) ?? (await takeOver(dataDir, path));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined || folderErrors.includes(code)) throw error;
    log.warn({ path, code }, 'the data folder cannot hold a socket, so a second process on it is noticed late');
    return undefined;
  }
}

/** After a process that was killed. Of two that do this at the same moment, Postgres refuses one. */
async function takeOver(dataDir: string, path: string): Promise<Release | undefined> {
  const holder = await askHolder(path);
  if (holder !== undefined) {
    throw new EmbeddedError(
      `The data folder ${dataDir} is in use by ${holder}. Stop that first, set ROSTER_DATA to another folder, or give both ` +
        'processes the same DATABASE_URL.',
    );
  }
  await rm(path, { force: true });
  return listenOn(path);
}

/** Absolute, or relative when only that is short enough. */
function socketPath(dataDir: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\roster-${createHash('sha256').update(dataDir).digest('hex')}`;
  const absolute = join(dataDir, 'lock');
  return Buffer.byteLength(absolute) <= longestSocketPath ? absolute : relative(process.cwd(), absolute);
}

/** Undefined when the socket is there already. */
async function listenOn(path: string): Promise<Release | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(String(process.pid));
  });
  try {
    server.listen(path);
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return async () => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
}

/** Who listens on the socket, for a sentence. Undefined when nobody does. */
function askHolder(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let pid = '';
    const socket = connect(path);
    const answer = () => {
      socket.destroy();
      resolve(pid === '' ? 'another process' : `process ${pid}`);
    };
    socket.setTimeout(answerTimeoutMs, answer);
    socket.on('data', (part) => (pid += part));
    socket.on('end', answer);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else answer();
    });
  });
}
