import type { Writable } from 'node:stream';
import { parseArgs, styleText } from 'node:util';
import { openApp } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { checkMasterKey } from '../features/organization/setup.ts';
import type { App } from '../kernel/call.ts';
import { joinEmbedded } from '../kernel/db/embedded/join.ts';
import { callProblem, startProblem } from '../problems.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';
import { doctor } from './doctor.ts';
import { helpText } from './help.ts';
import { idpApply } from './idp.ts';
import { outboxCommands } from './outbox.ts';
import { policyCommands } from './policy.ts';
import { tokenCommands } from './token.ts';
import { convertCommands } from './userConvert.ts';
import { userExport } from './userExport.ts';
import { userImport } from './userImport.ts';

const commands: readonly Command[] = [
  ...tokenCommands,
  ...policyCommands,
  ...outboxCommands,
  idpApply,
  userImport,
  userExport,
  ...convertCommands,
  doctor,
];

/** What a command line has around it. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  stdout: Writable;
  stderr: Writable;
  /** Aborted by the first Ctrl-C. */
  stop: AbortSignal;
}

/** Runs what a command line says. Returns the exit code: 0 done, 1 not done, 2 misunderstood. */
export async function runCommand(args: string[], surroundings: Surroundings): Promise<number> {
  const { stdout } = surroundings;
  const complain = (text: string, code: number) => complainTo(surroundings, text, code);
  const command = commands.find(({ name }) => name.split(' ').every((word, place) => args[place] === word));
  if (!command) {
    const asked = args.length === 0 || ['help', '--help', '-h'].some((word) => args.includes(word));
    if (!asked) return complain(`There is no command "${args.join(' ')}"${similarTo(args)}. See: npm run roster -- help`, 2);
    stdout.write(helpText(commands));
    return args.length === 0 ? 2 : 0;
  }
  const parsed = parse(command, args.slice(command.name.split(' ').length));
  if (typeof parsed === 'string') return complain(`${parsed} See: npm run roster -- ${command.name} --help`, 2);
  if (parsed.given.help !== undefined) {
    stdout.write(helpText([command]));
    return 0;
  }
  return run(command, parsed, surroundings);
}

/** The commands that begin with the same word. */
function similarTo([first]: string[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name.split(' ')[0] === first);
  return names.length === 0 ? '' : `, but there is ${names.join(', ')}`;
}

interface Parsed {
  given: Given;
  argument: string;
}

/** The options and the argument of a command, or what is wrong with them. */
function parse({ options, argument: wanted }: Command, args: string[]): Parsed | string {
  try {
    const declared = Object.entries(options).map(([name, { value }]) => [name, { type: value ? 'string' : 'boolean' }] as const);
    const help = { type: 'boolean', short: 'h' } as const;
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...Object.fromEntries(declared), help },
    });
    const given = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value : '']),
    );
    const [argument = '', ...more] = positionals;
    if (given.help !== undefined) return { given, argument };
    if (wanted && argument === '') return `${wanted} is missing.`;
    const surplus = wanted ? more : positionals;
    return surplus.length > 0 ? `"${surplus.join(' ')}" is too much.` : { given, argument };
  } catch (error) {
    return error instanceof Error ? `${error.message}.` : String(error);
  }
}

/** Runs one command; what it opened is closed again, whatever comes. */
async function run(command: Command, { given, argument }: Parsed, surroundings: Surroundings): Promise<number> {
  const closers: (() => Promise<void>)[] = [];
  let config: Config | undefined;
  const configure = () => {
    config ??= readConfig({ ROSTER_LOG_LEVEL: 'error', ...surroundings.env });
    return config;
  };
  const open = async () => {
    const { databaseUrl, dataDir } = configure();
    config = { ...configure(), databaseUrl: databaseUrl ?? (await joinEmbedded(dataDir)) };
    const { app } = await openApp(config, {}, closers);
    await checkMasterKey(app);
    return app;
  };
  try {
    return await command.run(operatorOf(configure, open, surroundings), given, argument);
  } catch (error) {
    if (error instanceof Usage) return complainTo(surroundings, error.message, 2);
    const problem = callProblem(error) ?? startProblem(error, config);
    if (!problem) throw error;
    return complainTo(surroundings, problem, 1);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function operatorOf(configure: () => Config, open: () => Promise<App>, { env, stdout, stderr, stop }: Surroundings): Operator {
  let opened: Promise<App> | undefined;
  return {
    get config() {
      return configure();
    },
    open: () => {
      opened ??= open();
      return opened;
    },
    stdout,
    print: (line) => void stdout.write(`${line}\n`),
    tell: (line) => void stderr.write(`${line}\n`),
    stop,
    env,
  };
}

function complainTo({ stderr }: Surroundings, text: string, code: number): number {
  stderr.write(`${styleText('red', 'Not done.', { stream: stderr })} ${text}\n`);
  return code;
}
