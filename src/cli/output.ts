import { open, rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Usage } from './command.ts';

/** Where lines go that may be many. */
export interface Output {
  /** Resolves when there is room for more; OutputFailed. */
  write(text: string): Promise<void>;
  end(): Promise<void>;
  /** In place of `end`: what was written is worth nothing. */
  discard(): Promise<void>;
}

/** The output takes no more. Not the system's error itself, whose code would pass for a lost connection to the database. */
export class OutputFailed extends Error {
  override name = 'OutputFailed';
  /** Whether the program that reads it has seen enough, as `head` does. */
  readonly unread: boolean;

  constructor(cause: Error) {
    super(cause.message);
    this.unread = 'code' in cause && cause.code === 'EPIPE';
  }
}

export function standardOutput(stdout: Writable): Output {
  // Told to whoever writes, below.
  stdout.on('error', () => {});
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      stdout.write(text, (error) => (error ? reject(new OutputFailed(error)) : resolve()));
    });
  return { write, end: async () => {}, discard: async () => {} };
}

const ownerOnly = 0o600;
/** Characters that are written at once. */
const enough = 65_536;

/** A file that appears under its name when it is whole. `option` is what named it. */
export async function openOutput(option: string, path: string): Promise<Output> {
  const draft = `${path}.part`;
  const file = await open(draft, 'w', ownerOnly).catch((error: Error) => {
    throw new Usage(`${option} ${path} cannot be written: ${error.message}.`);
  });
  let waiting = '';
  const flush = async () => {
    const text = waiting;
    waiting = '';
    await file.writeFile(text).catch((error: Error) => {
      throw new OutputFailed(error);
    });
  };
  return {
    write: async (text) => {
      waiting += text;
      if (waiting.length >= enough) await flush();
    },
    end: async () => {
      await flush();
      await file.close();
      await rename(draft, path);
    },
    discard: async () => {
      await file.close();
      await rm(draft);
    },
  };
}
