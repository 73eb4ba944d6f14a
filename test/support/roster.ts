// `npm run roster` beside a service that runs.
import { fileURLToPath } from 'node:url';
import { type Child, run } from './process.ts';
import type { TestServer } from './server.ts';

const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Starts a command on the data of a server. */
export function startCommand({ database, dataDir }: TestServer, args: string[], env: NodeJS.ProcessEnv = {}): Child {
  const data = { DATABASE_URL: database.url, ROSTER_DATA: dataDir };
  return run(program, args, {
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...data, ...env },
  });
}

/** Runs a command. Returns its exit code and everything that it wrote. */
export async function roster(server: TestServer, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = startCommand(server, args);
  return { code: await child.exited, said: child.output() };
}
