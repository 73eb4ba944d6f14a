// Owns: the processes behind one port: the embedded Postgres, the workers, their places, their end. What workers do, and what
// replicas may do at once (migrations and the first set-up are locked in the database), it leaves to them (worker.ts).
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { maximumEnds, pauseMs, soundMs, unreachablePauseMs } from './backOff.ts';
import { Front } from './front.ts';
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
  worker: ChildProcess | undefined;
  /** Milliseconds, of performance.now(); undefined until it listens. */
  startedAt: number | undefined;
  /** How many in a row have ended before they were sound. */
  ends: number;
  /** What the last one said that could not start. */
  problem: unknown;
  /** It could not reach the database, which may come back: such a try does not count. */
  transient: boolean;
}

const program = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Beside the time for requests and the time for messages: closing connections to the database, and a busy machine. */
const closeMs = 15_000;

export class Supervisor {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #databaseUrl: Promise<string>;
  readonly #places: Place[];
  readonly #desk = new TurnDesk<ChildProcess>();
  readonly #reporting = new Reporting();
  readonly #first = Promise.withResolvers<Started>();
  readonly #failed = Promise.withResolvers<WorkerFailed>();
  #listening = false;
  #stopping = false;
  readonly #front = new Front();

  constructor(config: Config, log: Logger, databaseUrl: Promise<string>) {
    this.#config = config;
    this.#log = log;
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
    process.once('exit', () => this.#kill());
    const [first, ...others] = this.#places;
    try {
      await this.#front.listen(this.#config.listen);
      if (first) this.#fork(first);
      const [started] = await Promise.all([this.#first.promise, this.#databaseUrl]);
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
    this.#front.close();
    const late = setTimeout(() => this.#kill(), 2 * this.#config.drainMs + closeMs);
    await Promise.all(
      this.#running().map(async ({ worker }) => {
        const exited = once(worker, 'exit');
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
    for (const { worker } of this.#running()) worker.kill('SIGKILL');
  }

  #tell(worker: ChildProcess, message: ToWorker): void {
    if (worker.connected) worker.send(message, () => {});
  }

  #fork(place: Place): void {
    const worker = fork(program);
    Object.assign(place, { worker, startedAt: undefined, problem: undefined, transient: false });
    worker.on('message', (message: ToSupervisor) => this.#hear(place, worker, message));
    // What it still had to say comes before the channel's end.
    const said = once(worker, 'disconnect');
    worker.once('exit', (code, signal) => void said.then(() => this.#ended(place, worker, signal ?? `code ${code}`)));
    // Of a channel that closes under a message: the exit tells the rest.
    worker.on('error', () => {});
  }

  #hear(place: Place, worker: ChildProcess, message: ToSupervisor): void {
    switch (message.kind) {
      case 'ready':
        void this.#begin(place, worker);
        return;
      case 'started':
        place.startedAt = performance.now();
        this.#listening = true;
        this.#front.serve(worker);
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

  async #begin({ number }: Place, worker: ChildProcess): Promise<void> {
    try {
      const databaseUrl = await this.#databaseUrl;
      if (this.#stopping) return this.#tell(worker, { kind: 'stop' });
      this.#tell(worker, { kind: 'start', worker: number, workers: this.#places.length, databaseUrl, port: this.#front.port });
    } catch {
      // Told by `start`, which waits for the same.
      worker.kill('SIGKILL');
    }
  }

  async #report(worker: ChildProcess, id: number): Promise<void> {
    const serves = (place: Place) => place.startedAt !== undefined || place.worker === worker;
    const serving = this.#places.filter(serves).map(({ number }) => number);
    const reports = await this.#reporting.gather(serving, (number, round) => {
      const asked = this.#places[number - 1]?.worker;
      if (asked) this.#tell(asked, { kind: 'report', id: round });
    });
    this.#tell(worker, { kind: 'reports', id, reports });
  }

  #ended(place: Place, worker: ChildProcess, how: string): void {
    const wasSound = place.startedAt !== undefined && performance.now() - place.startedAt >= soundMs;
    this.#front.leave(worker);
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
