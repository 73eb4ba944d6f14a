import { parseArgs, styleText } from 'node:util';
import { openApp } from './app.ts';
import { createToken, listTokens, removeToken, TokenUsage } from './cli/token.ts';
import { type Config, readConfig } from './config.ts';
import { checkMasterKey } from './features/organization/setup.ts';
import type { App } from './kernel/call.ts';
import { joinEmbedded } from './kernel/db/embedded/join.ts';
import { callProblem, startProblem } from './problems.ts';

const help = `Roster's command line. It works on the data of the service that the same environment would start,
beside that service if it runs.

Usage: npm run roster -- COMMAND [OPTIONS]

  token create   make a personal access token of a machine user and print it; it is shown this once
      --user ID_OR_NAME   the user; the first owner of the instance when left out
      --expires WHEN      how long it holds, such as 12h, 90d or 2027-01-31; 90d when left out
  token list     the tokens of a machine user: id, creation, expiration
      --user ID_OR_NAME   as above
  token remove   end a token; its next call is refused
      --user ID_OR_NAME   as above
      --id TOKEN_ID       which one
  help           this text

Variables: docs/configuration.md. Exit codes: 0 done, 1 not done, 2 not understood.
`;

const commands: Record<string, (app: App, options: Record<string, string | undefined>) => Promise<string>> = {
  'token create': createToken,
  'token list': listTokens,
  'token remove': removeToken,
};

async function main(args: string[]): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === 'string') return complain(`${parsed} See: npm run roster -- help`, 2);
  const { name, options } = parsed;
  if (name === '' || name === 'help') {
    process.stdout.write(help);
    return name === '' ? 2 : 0;
  }
  const command = commands[name];
  if (!command) return complain(`There is no command "${name}". See: npm run roster -- help`, 2);
  return run((app) => command(app, options));
}

function parse(args: string[]) {
  try {
    const options = {
      user: { type: 'string' },
      expires: { type: 'string' },
      id: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
    const { help: asked, ...rest } = values;
    return { name: asked ? 'help' : positionals.join(' '), options: rest };
  } catch (error) {
    return error instanceof Error ? `${error.message}.` : String(error);
  }
}

/** Opens the data for one command and closes it again, whatever comes. */
async function run(command: (app: App) => Promise<string>): Promise<number> {
  const closers: (() => Promise<void>)[] = [];
  let config: Config | undefined;
  try {
    const read = readConfig({ ROSTER_LOG_LEVEL: 'error', ...process.env });
    config = { ...read, databaseUrl: read.databaseUrl ?? (await joinEmbedded(read.dataDir)) };
    const { app } = await openApp(config, {}, closers);
    await checkMasterKey(app);
    process.stdout.write(`${await command(app)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof TokenUsage) return complain(error.message, 2);
    const problem = callProblem(error) ?? startProblem(error, config);
    if (!problem) throw error;
    return complain(problem, 1);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function complain(text: string, code: number): number {
  process.stderr.write(`${styleText('red', 'Not done.', { stream: process.stderr })} ${text}\n`);
  return code;
}

process.exitCode = await main(process.argv.slice(2));
