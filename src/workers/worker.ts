// The program of a worker: the service as one process has it, on the port, the database and the place that its supervisor gives it.
import cluster, { type Worker } from 'node:cluster';
import { type Running, start } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { shareHashing } from '../kernel/crypto/hashes/pool.ts';
import { plainError } from '../kernel/logger.ts';
import { isUnreachable, startProblem } from '../problems.ts';
import { Group } from './group.ts';
import type { Start, ToSupervisor, ToWorker } from './messages.ts';

function main(supervisor: Worker): void {
  const tell = (message: ToSupervisor) => void supervisor.send(message, () => {});
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
  supervisor.on('message', (message: ToWorker) => {
    if (message.kind === 'start') starting = begin(supervisor, message, tell);
    if (message.kind === 'stop') void stop();
  });
  // Ctrl-C reaches every process of a terminal: what it means the supervisor says.
  process.on('SIGINT', () => {}).on('SIGTERM', stop);
  tell({ kind: 'ready' });
}

async function begin(supervisor: Worker, from: Start, tell: (message: ToSupervisor) => void): Promise<Running | undefined> {
  let config: Config | undefined;
  try {
    config = readConfig(process.env);
    shareHashing(from.workers);
    const running = await start(shareOf(config, from), {}, { group: new Group(supervisor, from) });
    const { url, port, tokenFile } = running;
    tell({ kind: 'started', url, port, tokenFile });
    return running;
  } catch (error) {
    const problem = startProblem(error, config) ?? plainError(error);
    const transient = config !== undefined && isUnreachable(error, config);
    supervisor.send({ kind: 'failed', problem, transient } satisfies ToSupervisor, () => process.exit(1));
    return undefined;
  }
}

/** What of the configuration is one worker's part. */
function shareOf(config: Config, { databaseUrl, port, workers }: Start): Config {
  const databasePool = Math.max(1, Math.floor(config.databasePool / workers));
  return { ...config, databaseUrl, databasePool, listen: { ...config.listen, port } };
}

if (!cluster.worker) throw new Error('this program is started by its supervisor');
main(cluster.worker);
