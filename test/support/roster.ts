// `npm run roster` beside a service that runs.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/cli/run.ts';
import { type Child, run } from './process.ts';
import type { TestServer } from './server.ts';

const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** The variables that lead a command to the data of a server. */
export const dataOf = ({ database, dataDir }: TestServer) => ({
  DATABASE_URL: database.url,
  ROSTER_DATA: dataDir,
  NO_COLOR: '1',
});

/** Starts a command on the data of a server. */
export function startCommand(server: TestServer, args: string[], env: NodeJS.ProcessEnv = {}): Child {
  return run(program, args, { env: { PATH: process.env.PATH, ...dataOf(server), ...env } });
}

/** Runs a command. Returns its exit code and everything that it wrote. */
export async function roster(server: TestServer, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = startCommand(server, args);
  return { code: await child.exited, said: child.output() };
}

/** The same in this process, several times as fast; without a terminal, and not for what signals and exits are about. */
export const rosterHere = (server: TestServer, args: string[], env: NodeJS.ProcessEnv = {}) =>
  commandHere(args, { ...dataOf(server), ...env });

/** Runs a command in this process with these variables and no others. */
export async function commandHere(args: string[], env: NodeJS.ProcessEnv) {
  const written = new PassThrough();
  const surroundings = {
    env,
    stdout: written,
    stderr: written,
    stop: new AbortController().signal,
  };
  const said = text(written);
  const code = await runCommand(args, surroundings);
  written.end();
  return { code, said: (await said).trimEnd() };
}
