// The program of a worker: the service as one process has it, with the connections, the database and the place that its
// supervisor gives it.
import type { Socket } from 'node:net';
import type { Running } from '../app.ts';
import { type Config, listeningAt, readConfig } from '../config.ts';
import { plainError } from '../kernel/logger.ts';
import { Group, tell } from './group.ts';
import type { Start, ToWorker } from './messages.ts';

function main(config: Config): void {
  // Under way while the supervisor brings up the database.
  const loading = import('../app.ts');
  let group: Group | undefined;
  let starting: Promise<Running | undefined> = Promise.resolve(undefined);
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    const running = await starting;
    try {
      await running?.close();
      process.exit(0);
    } catch (error) {
      running?.app.log.error(error, 'could not stop cleanly');
      process.exit(1);
    }
  };
  const begin = async (from: Start, group: Group): Promise<Running | undefined> => {
    try {
      const [{ start }, { shareHashing }] = await Promise.all([loading, import('../kernel/crypto/hashes/pool.ts')]);
      shareHashing(from.workers);
      const running = await start(shareOf(config, from), {}, { group });
      const { url, port, tokenFile } = running;
      tell({ kind: 'started', url, port, tokenFile });
      return running;
    } catch (error) {
      await fail(error, config);
      return undefined;
    }
  };
  process.on('message', (message: ToWorker, socket: Socket | undefined) => {
    if (message.kind === 'start') {
      group = new Group(message);
      starting = begin(message, group);
    }
    if (message.kind === 'stop') void stop();
    group?.hear(message, socket);
  });
  // Nobody is left who could give it work.
  process.on('disconnect', () => process.exit(stopping ? 0 : 1));
  // Ctrl-C reaches every process of a terminal: what it means the supervisor says.
  process.on('SIGINT', () => {}).on('SIGTERM', stop);
  tell({ kind: 'ready' });
}

async function fail(error: unknown, config: Config | undefined): Promise<void> {
  const { isUnreachable, startProblem } = await import('../problems.ts');
  const problem = startProblem(error, config) ?? plainError(error);
  const transient = config !== undefined && isUnreachable(error, config);
  tell({ kind: 'failed', problem, transient }, () => process.exit(1));
}

/** What of the configuration is one worker's part. */
function shareOf(config: Config, { databaseUrl, port, workers }: Start): Config {
  const databasePool = Math.max(1, Math.floor(config.databasePool / workers));
  return { ...listeningAt(config, port), databaseUrl, databasePool };
}

/** Its files may have changed since the supervisor read them. */
function configure(): Config | undefined {
  try {
    return readConfig(process.env);
  } catch (error) {
    void fail(error, undefined);
    return undefined;
  }
}

const config = configure();
if (config) main(config);
