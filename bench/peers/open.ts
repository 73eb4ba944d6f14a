// A peer with a Postgres of its own, filled and ready to be asked.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { startEmbedded } from '../../src/kernel/db/embedded.ts';
import { createLogger } from '../../src/kernel/logger.ts';
import { cpuOfFamily } from '../processes.ts';
import type { Target } from '../service.ts';
import type { Operations, Peer } from './peer.ts';

export interface Opened {
  target: Target;
  operations: Operations;
  version: string;
}

interface Place {
  binary: string;
  /** Empty. */
  folder: string;
  users: number;
  say: (text: string) => void;
  /** What to do at the end, the last first. */
  closing: (() => Promise<void>)[];
}

/** Users between two lines of progress. */
const told = 5_000;

export async function openPeer(peer: Peer, { binary, folder, users, say, closing }: Place): Promise<Opened> {
  const version = await versionOf(peer, binary);
  say(`starting ${version}`);
  const embedded = await startEmbedded({ dataDir: join(folder, 'database'), log: createLogger('warn') });
  closing.push(embedded.stop);
  const own = join(folder, 'peer');
  await mkdir(own);
  const { target, fill } = await peer.start({ binary, folder: own, database: new URL(embedded.url) });
  closing.push(target.stop);
  say('filling it');
  const operations = await fill(users, (done) => {
    if (done % told === 0) say(`${done} of ${users} users`);
  });
  await settle(embedded.url);
  const postmaster = Number(readFileSync(join(folder, 'database', 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  return {
    target: { ...target, cpu: () => ({ server: target.cpu(), postgres: cpuOfFamily(postmaster) }) },
    operations,
    version,
  };
}

/** As after our own load: nothing is left to be tidied up while it is measured. */
async function settle(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`vacuum (freeze, analyze)`;
  await sql`checkpoint`.catch(() => {});
  await sql.end();
}

async function versionOf({ name, versionArgs }: Peer, binary: string): Promise<string> {
  const { stdout } = await promisify(execFile)(binary, [...versionArgs]);
  return `${name}, which calls itself ${stdout.replace(/\s+/g, ' ').trim()}`;
}
