import { styleText } from 'node:util';
import { type Config, readConfig } from './config.ts';
import { plainError } from './kernel/logger.ts';
import { type Service, startService } from './service.ts';
import { welcome } from './welcome.ts';
import { WorkerFailed } from './workers/supervisor.ts';

async function main(): Promise<void> {
  let config: Config | undefined;
  try {
    config = readConfig(process.env);
    const starting = startService(config);
    const isStopping = stopOnSignals(starting);
    const service = await starting;
    void service.failed?.then((error) => giveUp(service, error));
    if (!isStopping()) console.log(welcome(service, config));
  } catch (error) {
    complain('Roster did not start.', await problemOf(error, config));
    process.exit(1);
  }
}

const complain = (what: string, problem: unknown) => console.error(styleText('red', what, { stream: process.stderr }), problem);

/** What knows of problems has everything loaded, which a supervisor does without. */
async function problemOf(error: unknown, config: Config | undefined): Promise<unknown> {
  if (error instanceof WorkerFailed) return error.problem;
  const { startProblem } = await import('./problems.ts');
  return startProblem(error, config) ?? plainError(error);
}

/** The first signal drains, or ends a start under way as soon as it is done; a second one ends at once. */
function stopOnSignals(starting: Promise<Service>): () => boolean {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    // A start that fails is told of, and ended, by `main`.
    const service = await starting.catch(() => undefined);
    if (!service) return;
    service.log.info({ signal }, 'stopping: running requests finish, new ones are refused');
    await close(service, 0);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  return () => stopping;
}

async function giveUp(service: Service, { problem }: WorkerFailed): Promise<void> {
  complain('Roster has to end: its workers end again and again.', problem);
  await close(service, 1);
}

async function close(service: Service, code: number): Promise<void> {
  try {
    await service.close();
    process.exit(code);
  } catch (error) {
    service.log.error(error, 'could not stop cleanly');
    process.exit(1);
  }
}

await main();
