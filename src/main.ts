import { styleText } from 'node:util';
import { type Running, start } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { plainError } from './kernel/logger.ts';
import { startProblem } from './problems.ts';
import { welcome } from './welcome.ts';

async function main(): Promise<void> {
  let config: Config | undefined;
  try {
    config = readConfig(process.env);
    const starting = start(config);
    const isStopping = stopOnSignals(starting);
    const running = await starting;
    if (!isStopping()) console.log(welcome(running, config));
  } catch (error) {
    const problem = startProblem(error, config) ?? plainError(error);
    console.error(styleText('red', 'Roster did not start.', { stream: process.stderr }), problem);
    process.exit(1);
  }
}

/** The first signal drains, or ends a start under way as soon as it is done; a second one ends at once. */
function stopOnSignals(starting: Promise<Running>): () => boolean {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    // A start that fails is told of, and ended, by `main`.
    const running = await starting.catch(() => undefined);
    if (!running) return;
    running.app.log.info({ signal }, 'stopping: running requests finish, new ones are refused');
    try {
      await running.close();
      process.exit(0);
    } catch (error) {
      running.app.log.error(error, 'could not stop cleanly');
      process.exit(1);
    }
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  return () => stopping;
}

await main();
