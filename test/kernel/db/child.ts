// Programs of their own, for what needs several processes or one that can be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface Child {
  process: ChildProcess;
  /** Resolves with the first line, so far or to come, that contains the text; rejects if the child ends without it. */
  line(text: string): Promise<string>;
  /** Resolves with the exit code, null after a signal. */
  exited: Promise<number | null>;
  /** Everything that it wrote. */
  output(): string;
}

const starter = fileURLToPath(new URL('./startEmbedded.ts', import.meta.url));
const migrator = fileURLToPath(new URL('./migrateDatabase.ts', import.meta.url));

/** Starts an embedded Postgres and prints `ready <url>`; stops it at SIGTERM, leaves by process.exit at SIGUSR2. */
export const startingChild = (dataDir: string, account: { uid?: number; gid?: number } = {}) => run(starter, [dataDir], account);

/** Migrates and prints its log. */
export const migratingChild = (url: string, folder: string) => run(migrator, [url, folder]);

function run(program: string, args: string[], account: { uid?: number; gid?: number } = {}): Child {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...account });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
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
