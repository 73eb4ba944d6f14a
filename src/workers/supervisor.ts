// Owns: the processes behind one port: the embedded Postgres, the workers, their places, their end. What workers do, and what
// replicas may do at once (migrations and the first set-up are locked in the database), it leaves to them (worker.ts).
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { maximumEnds, pauseMs, soundMs, unreachablePauseMs } from './backOff.ts';
import type { Started, ToSupervisor, ToWorker } from './messages.ts';
import { Reporting } from './reporting.ts';
import { TurnDesk } from './turnDesk.ts';

/** Why a worker could not start, in words, or as what is known of an error that nobody foresaw. */
export class WorkerFailed extends Error {
  override name = 'WorkerFailed';
  readonly problem: unknown;

  constructor(problem: unknown) {
    super('a worker could not start');
    this.problem = problem;
  }
}

/** One of the workers; its process may change. */
interface Place {
  number: number;
  worker: Worker | undefined;
  /** Milliseconds, of performance.now(); undefined until it listens. */
  startedAt: number | undefined;
  /** How many in a row have ended before they were sound. */
  ends: number;
  /** What the last one said that could not start. */
  problem: unknown;
  /** It could not reach the database, which may come back: such a try does not count. */
  transient: boolean;
}

/** Beside the time for requests and the time for messages: closing connections to the database, and a busy machine. */
const closeMs = 15_000;

export class Supervisor {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #databaseUrl: Promise<string>;
  readonly #places: Place[];
  readonly #desk = new TurnDesk<Worker>();
  readonly #reporting = new Reporting();
  readonly #first = Promise.withResolvers<Started>();
  readonly #failed = Promise.withResolvers<WorkerFailed>();
  #listening = false;
  #stopping = false;
  #port: number;

  constructor(config: Config, log: Logger, databaseUrl: Promise<string>) {
    this.#config = config;
    this.#log = log;
    this.#port = config.listen.port;
    this.#databaseUrl = databaseUrl;
    const place = { worker: undefined, startedAt: undefined, ends: 0, problem: undefined, transient: false };
    this.#places = Array.from({ length: config.workers }, (_, index) => ({ ...place, number: index + 1 }));
  }

  /** Resolves, at the earliest when the service has started, with why no worker can be had any more. */
  get failed(): Promise<WorkerFailed> {
    return this.#failed.promise;
  }

  /**
   * Starts one worker, which brings the data up to date, and the others when it listens. It loads its program while the embedded
   * Postgres starts. Rejects with WorkerFailed.
   */
  async start(): Promise<Started> {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: fileURLToPath(new URL('./worker.ts', import.meta.url)), args: [] });
    process.once('exit', () => this.#kill());
    const [first, ...others] = this.#places;
    if (first) this.#fork(first);
    try {
      const [started] = await Promise.all([this.#first.promise, this.#databaseUrl]);
      this.#port = started.port;
      for (const place of others) this.#fork(place);
      return started;
    } catch (error) {
      this.#stopping = true;
      this.#kill();
      throw error;
    }
  }

  /** Has all workers stop as a process alone does, and waits for them. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const late = setTimeout(() => this.#kill(), 2 * this.#config.drainMs + closeMs);
    await Promise.all(
      this.#running().map(async ({ worker }) => {
        const exited = once(worker.process, 'exit');
        this.#tell(worker, { kind: 'stop' });
        await exited;
      }),
    );
    clearTimeout(late);
  }

  #running() {
    return this.#places.flatMap(({ number, worker }) => (worker ? [{ number, worker }] : []));
  }

  #kill(): void {
    for (const { worker } of this.#running()) worker.process.kill('SIGKILL');
  }

  #tell(worker: Worker, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message, () => {});
  }

  #fork(place: Place): void {
    const worker = cluster.fork();
    Object.assign(place, { worker, startedAt: undefined, problem: undefined, transient: false });
    worker.on('message', (message: ToSupervisor) => this.#hear(place, worker, message));
    // What it still had to say comes before the channel's end.
    const said = once(worker.process, 'disconnect');
    worker.process.once('exit', (code, signal) => void said.then(() => this.#ended(place, worker, signal ?? `code ${code}`)));
    // Of a channel that closes under a message: the exit tells the rest.
    worker.on('error', () => {});
  }

  #hear(place: Place, worker: Worker, message: ToSupervisor): void {
    switch (message.kind) {
      case 'ready':
        void this.#begin(place, worker);
        return;
      case 'started':
        place.startedAt = performance.now();
        this.#listening = true;
        this.#first.resolve(message);
        return;
      case 'failed':
        place.problem = message.problem;
        place.transient = message.transient;
        return;
      case 'spent':
        for (const other of this.#running()) if (other.worker !== worker) this.#tell(other.worker, message);
        return;
      case 'enter':
        this.#desk.enter(worker, message, () => this.#tell(worker, { kind: 'entered', id: message.id }));
        return;
      case 'leave':
        this.#desk.leave(worker, message.id);
        return;
      case 'ask':
        void this.#report(worker, message.id);
        return;
      case 'reported':
        this.#reporting.reported(message.id, message.report);
        return;
    }
  }

  async #begin({ number }: Place, worker: Worker): Promise<void> {
    try {
      const databaseUrl = await this.#databaseUrl;
      if (this.#stopping) return this.#tell(worker, { kind: 'stop' });
      this.#tell(worker, { kind: 'start', worker: number, workers: this.#places.length, databaseUrl, port: this.#port });
    } catch {
      // Told by `start`, which waits for the same.
      worker.process.kill('SIGKILL');
    }
  }

  async #report(worker: Worker, id: number): Promise<void> {
    const serves = (place: Place) => place.startedAt !== undefined || place.worker === worker;
    const serving = this.#places.filter(serves).map(({ number }) => number);
    const reports = await this.#reporting.gather(serving, (number, round) => {
      const asked = this.#places[number - 1]?.worker;
      if (asked) this.#tell(asked, { kind: 'report', id: round });
    });
    this.#tell(worker, { kind: 'reports', id, reports });
  }

  #ended(place: Place, worker: Worker, how: string): void {
    const wasSound = place.startedAt !== undefined && performance.now() - place.startedAt >= soundMs;
    this.#desk.leaveAll(worker);
    this.#reporting.end(place.number, !this.#stopping);
    place.worker = undefined;
    place.startedAt = undefined;
    const problem = place.problem ?? `A worker ended (${how}) and did not say why.`;
    if (this.#stopping) return;
    place.ends = wasSound || place.transient ? 0 : place.ends + 1;
    if (!this.#listening) this.#first.reject(new WorkerFailed(problem));
    else if (place.ends > maximumEnds) this.#failed.resolve(new WorkerFailed(problem));
    else this.#replace(place, how);
  }

  #replace(place: Place, how: string): void {
    const { number, ends, problem } = place;
    const ms = place.transient ? unreachablePauseMs : pauseMs(ends);
    this.#log.error(
      { worker: number, ended: how, problem, ends, pauseMs: ms },
      'a worker has ended; another one takes its place',
    );
    setTimeout(() => {
      if (!this.#stopping) this.#fork(place);
    }, ms);
  }
}
