import { parseArgs, styleText } from 'node:util';
import { openApp } from './app.ts';
import { type Command, type Given, type Operator, Usage } from './cli/command.ts';
import { doctor } from './cli/doctor.ts';
import { helpText } from './cli/help.ts';
import { idpApply } from './cli/idp.ts';
import { outboxCommands } from './cli/outbox.ts';
import { policyCommands } from './cli/policy.ts';
import { tokenCommands } from './cli/token.ts';
import { convertCommands } from './cli/userConvert.ts';
import { userExport } from './cli/userExport.ts';
import { userImport } from './cli/userImport.ts';
import { type Config, readConfig } from './config.ts';
import { checkMasterKey } from './features/organization/setup.ts';
import type { App } from './kernel/call.ts';
import { joinEmbedded } from './kernel/db/embedded/join.ts';
import { callProblem, startProblem } from './problems.ts';

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

async function main(args: string[]): Promise<number> {
  const command = commands.find(({ name }) => name.split(' ').every((word, place) => args[place] === word));
  if (!command) {
    const asked = args.length === 0 || ['help', '--help', '-h'].some((word) => args.includes(word));
    if (!asked) return complain(`There is no command "${args.join(' ')}"${similarTo(args)}. See: npm run roster -- help`, 2);
    process.stdout.write(helpText(commands));
    return args.length === 0 ? 2 : 0;
  }
  const parsed = parse(command, args.slice(command.name.split(' ').length));
  if (typeof parsed === 'string') return complain(`${parsed} See: npm run roster -- ${command.name} --help`, 2);
  if (parsed.given.help !== undefined) {
    process.stdout.write(helpText([command]));
    return 0;
  }
  return run(command, parsed.given, parsed.argument);
}

/** The commands that begin with the same word. */
function similarTo([first]: string[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name.split(' ')[0] === first);
  return names.length === 0 ? '' : `, but there is ${names.join(', ')}`;
}

/** The options and the argument of a command, or what is wrong with them. */
function parse({ options, argument: wanted }: Command, args: string[]): { given: Given; argument: string } | string {
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
async function run(command: Command, given: Given, argument: string): Promise<number> {
  const closers: (() => Promise<void>)[] = [];
  let config: Config | undefined;
  const configure = () => {
    config ??= readConfig({ ROSTER_LOG_LEVEL: 'error', ...process.env });
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
    return await command.run(operatorOf(configure, open), given, argument);
  } catch (error) {
    if (error instanceof Usage) return complain(error.message, 2);
    const problem = callProblem(error) ?? startProblem(error, config);
    if (!problem) throw error;
    return complain(problem, 1);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function operatorOf(configure: () => Config, open: () => Promise<App>): Operator {
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  let opened: Promise<App> | undefined;
  return {
    get config() {
      return configure();
    },
    open: () => {
      opened ??= open();
      return opened;
    },
    print: (line) => void process.stdout.write(`${line}\n`),
    tell: (line) => void process.stderr.write(`${line}\n`),
    stop: stopping.signal,
  };
}

function complain(text: string, code: number): number {
  process.stderr.write(`${styleText('red', 'Not done.', { stream: process.stderr })} ${text}\n`);
  return code;
}

process.exitCode = await main(process.argv.slice(2));
