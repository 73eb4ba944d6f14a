// A Roster of its own for the examples: in a temporary folder, on a free port, with a Postgres of its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../src/app.ts';
import { readConfig } from '../src/config.ts';

export interface OwnRoster {
  url: string;
  /** The owner's token. */
  token: string;
  /** Goes with the Roster: a place for what belongs to it. */
  folder: string;
  close(): Promise<void>;
}

/** As `npm start` would, with these variables. */
export async function startOwnRoster(variables: NodeJS.ProcessEnv = {}): Promise<OwnRoster> {
  const folder = await mkdtemp(join(tmpdir(), 'roster-example-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const data = join(folder, 'data');
    const listen = { ROSTER_LISTEN: '127.0.0.1:0', ROSTER_LOG_LEVEL: 'warn' };
    const { url, close } = await start(readConfig({ ROSTER_DATA: data, ...listen, ...variables }));
    const token = (await readFile(join(data, 'admin.pat'), 'utf8')).trim();
    return { url, token, folder, close: () => close().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
