import { createInterface } from 'node:readline/promises';

/** Whether somebody at the terminal agrees; undefined where there is none: nobody is waited for. */
export async function agrees(question: string, stop: AbortSignal): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // The terminal is in a mode in which Ctrl-C is a key.
  const stopped = new AbortController();
  terminal.once('SIGINT', () => stopped.abort());
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: AbortSignal.any([stop, stopped.signal]) });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return false;
    throw error;
  } finally {
    terminal.close();
  }
}
