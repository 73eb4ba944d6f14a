// Where tests keep their folders.
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const memory = '/dev/shm';
/** Bytes: what the databases of a whole run take at most, and as much again. */
const room = 2 * 1024 ** 3;

/** In memory where the system offers that: a database is a thousand files, and each test file makes and drops one. */
export const scratch: string = hasRoom(memory) ? memory : tmpdir();

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= room;
  } catch {
    return false;
  }
}
