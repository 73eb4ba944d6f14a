import { runCommand } from './cli/run.ts';

const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());

const { argv, env, stdout, stderr } = process;
process.exitCode = await runCommand(argv.slice(2), { env, stdout, stderr, stop: stopping.signal });
