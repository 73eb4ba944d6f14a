import type { Writable } from 'node:stream';
import type { Config } from '../config.ts';
import type { App } from '../kernel/call.ts';

/** What a command line says of the options that a command declares: the text after each, '' for one that takes none. */
export type Given = Readonly<Record<string, string | undefined>>;

export interface Option {
  /** What stands behind it, such as ID_OR_NAME; without one the option takes nothing. */
  value?: string;
  help: string;
}

export interface Operator {
  /** Throws a ConfigError when it is wrong. */
  readonly config: Config;
  /** The data, opened when a command first asks for it; closed after it. */
  open: () => Promise<App>;
  /** Standard output, for an answer that is not lines, and for whether it takes colours. */
  stdout: Writable;
  /** Writes a line of the answer to standard output. */
  print: (line: string) => void;
  /** Writes a line on how it goes to standard error. */
  tell: (line: string) => void;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C: a long command stops where it can go on later. */
  stop: AbortSignal;
}

/** One command of the command line: the help is made of it. */
export interface Command {
  /** Two words, such as "token create", or one. */
  name: string;
  /** What must stand behind the name, such as FILE. */
  argument?: string;
  help: string;
  options: Readonly<Record<string, Option>>;
  /** Returns the exit code: 0 done, 1 not done. */
  run(operator: Operator, given: Given, argument: string): Promise<number>;
}

/** A command that was misunderstood; the message says what would be right. Exit code 2. */
export class Usage extends Error {
  override name = 'Usage';
}
