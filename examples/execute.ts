// Runs a program with everything that it starts, and ends all of it when told to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ended {
  /** Null: it was not found, or was ended. */
  code: number | null;
  output: string;
}

export async function execute(
  program: string,
  args: readonly string[],
  { cwd, env, stop }: { cwd: string; env: NodeJS.ProcessEnv; stop: AbortSignal },
): Promise<Ended> {
  if (stop.aborted) return { code: null, output: '' };
  // In a group of its own: compilers start others, which would go on.
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // All of it has ended just now.
    }
  };
  stop.addEventListener('abort', end);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += piece));
  try {
    const [code]: (number | null)[] = await once(child, 'close');
    return { code: code ?? null, output: stop.aborted ? `${output}\nended: ${stop.reason}` : output };
  } catch (error) {
    return { code: null, output: String(error) };
  } finally {
    stop.removeEventListener('abort', end);
  }
}
