import type { Command } from './command.ts';

const introduction = `Roster's command line. It works on the data of the service that the same environment would start,
beside that service if it runs.

Usage: npm run roster -- COMMAND [OPTIONS]
`;

const conclusion = `Every command takes --help. Variables: docs/configuration.md.
Exit codes: 0 done, 1 not done, 2 not understood.
`;

const column = 26;

/** The help of these commands: each with its options. */
export const helpText = (commands: readonly Command[]): string =>
  [introduction, ...commands.map(block), '', conclusion].join('\n');

function block({ name, argument, help, options }: Command): string {
  const head = argument ? `${name} ${argument}` : name;
  const lines = Object.entries(options).map(([option, { value, help: meaning }]) =>
    entry(`      --${option}${value ? ` ${value}` : ''}`, meaning),
  );
  return [entry(`  ${head}`, help), ...lines].join('\n');
}

/** What does not fit beside its name stands below it. */
const entry = (name: string, meaning: string) =>
  name.length < column ? `${name.padEnd(column)}${meaning}` : `${name}\n${' '.repeat(column)}${meaning}`;
