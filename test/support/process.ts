// Programs of their own, for what needs several processes or one that can be killed.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { onTestFinished } from 'vitest';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';

export interface Child {
  process: ChildProcess;
  /** Resolves with the first line, so far or to come, that contains the text; rejects if the child ends without it. */
  line(text: string): Promise<string>;
  /** Resolves with the exit code, null after a signal. */
  exited: Promise<number | null>;
  /** Everything that it wrote. */
  output(): string;
}

/** As `npm start` has it: everything loads several times as fast. */
const imports = new URL('../../src/imports.mjs', import.meta.url).href;

/** Runs a program of Node's until it ends by itself, is told to, or the test is over. */
export function run(program: string, args: string[], options: SpawnOptions = {}): Child {
  const child = spawn(process.execPath, ['--import', imports, program, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const exited = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  const line = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find((candidate) => candidate.includes(text));
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      void exited.then(() => reject(new Error(`The child ended without saying "${text}":\n${lines.join('\n')}`)));
    });
  return { process: child, line, exited, output: () => lines.join('\n') };
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** `npm start` on a free port with these variables and no others of ours. Told to stop when the test is over. */
export function startRoster(env: NodeJS.ProcessEnv, { cwd }: { cwd?: string } = {}): Child {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ROSTER_') && name !== 'DATABASE_URL');
  const compiled = { NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)) };
  const variables = { ROSTER_LISTEN: '127.0.0.1:0', ROSTER_DRAIN_TIMEOUT: '20s', NO_COLOR: '1', ...env };
  const child = run(main, [], { env: { ...Object.fromEntries(inherited), ...compiled, ...variables }, ...(cwd && { cwd }) });
  // Registered last and so run first: killed at once, it would leave its Postgres behind.
  onTestFinished(async () => {
    if (child.process.kill('SIGTERM')) await child.exited;
  });
  return child;
}

/** Where a started Roster listens, once it does. */
export async function addressOf(child: Child): Promise<string> {
  const line = await child.line(' serves gRPC');
  const urls = line.match(/https?:\/\/\S+[^\s.,]/g) ?? [];
  const address = urls.at(-1);
  if (!address) throw new Error(`no address in: ${line}`);
  return address;
}

/** Calls of users with a token, at a started Roster once it listens. */
export async function usersAt(child: Child, token: string): Promise<Client<typeof UserService>> {
  const transport = createGrpcTransport({
    baseUrl: await addressOf(child),
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return createClient(UserService, transport);
}

/** The first owner's token, in the data folder of a Roster that has started. */
export const tokenIn = async (dataDir: string) => (await readFile(join(dataDir, 'admin.pat'), 'utf8')).trim();

/** Sends the signal and waits for the end. Returns the exit code. */
export function end(child: Child, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  child.process.kill(signal);
  return child.exited;
}
