// The service as an operator starts it: its Postgres, and one process or a supervisor with its workers.
import type { Logger } from 'pino';
import type { Running } from './app.ts';
import type { Config } from './config.ts';
import { type Embedded, startEmbedded } from './kernel/db/embedded.ts';
import { createLogger } from './kernel/logger.ts';
import { Supervisor, type WorkerFailed } from './workers/supervisor.ts';

export interface Service extends Pick<Running, 'url' | 'port' | 'tokenFile' | 'close'> {
  log: Logger;
  /** Resolves, if ever, when the service cannot go on; it has to be closed. */
  failed?: Promise<WorkerFailed>;
}

/** What takes long to load is loaded while Postgres starts. */
export function startService(config: Config): Promise<Service> {
  const log = createLogger(config.logLevel);
  const embedded = config.databaseUrl ? undefined : startEmbedded({ dataDir: config.dataDir, log });
  // Whoever needs it hears of it.
  embedded?.catch(() => {});
  return config.workers === 1 ? startAlone(config, embedded) : startSupervised(config, log, embedded);
}

async function startAlone(config: Config, embedded: Promise<Embedded> | undefined): Promise<Service> {
  const { start } = await import('./app.ts');
  const running = await start(config, {}, { embedded });
  return { ...running, log: running.app.log };
}

async function startSupervised(config: Config, log: Logger, embedded: Promise<Embedded> | undefined): Promise<Service> {
  const databaseUrl = embedded ? embedded.then(({ url }) => url) : Promise.resolve(config.databaseUrl ?? '');
  const supervisor = new Supervisor(config, log, databaseUrl);
  const close = async () => {
    await supervisor.stop();
    await (await embedded?.catch(() => undefined))?.stop();
  };
  try {
    const { url, port, tokenFile } = await supervisor.start();
    return { url, port, tokenFile, log, close, failed: supervisor.failed };
  } catch (error) {
    await close();
    throw error;
  }
}
