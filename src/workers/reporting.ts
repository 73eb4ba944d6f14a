import type { Report, Reports } from './messages.ts';

/** Milliseconds that the workers have to answer; for one that is busier than that stands what it told before. */
const patienceMs = 1000;

interface Round {
  missing: Set<number>;
  done: () => void;
}

/** Gathers what the workers know of themselves. Nothing that was once told is lost with the worker that counted it. */
export class Reporting {
  readonly #last = new Map<number, Report>();
  readonly #rounds = new Map<number, Round>();
  readonly #gone = new Map<string, number>();
  #ended = 0;
  #lastRound = 0;

  /** @param ask Asks one worker for its report of this round. */
  async gather(workers: readonly number[], ask: (worker: number, round: number) => void): Promise<Reports> {
    const round = ++this.#lastRound;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    this.#rounds.set(round, { missing: new Set(workers), done: resolve });
    for (const worker of workers) ask(worker, round);
    await promise;
    clearTimeout(timer);
    this.#rounds.delete(round);
    return { workers: [...this.#last.values()], calls: Object.fromEntries(this.#gone), ended: this.#ended };
  }

  reported(round: number, report: Report): void {
    this.#last.set(report.worker, report);
    this.#strike(round, report.worker);
  }

  /** A worker has ended; `unasked`: nobody told it to. */
  end(worker: number, unasked: boolean): void {
    if (unasked) this.#ended++;
    for (const [rpc, count] of Object.entries(this.#last.get(worker)?.calls ?? {})) {
      this.#gone.set(rpc, (this.#gone.get(rpc) ?? 0) + count);
    }
    this.#last.delete(worker);
    for (const round of this.#rounds.keys()) this.#strike(round, worker);
  }

  #strike(round: number, worker: number): void {
    const waiting = this.#rounds.get(round);
    waiting?.missing.delete(worker);
    if (waiting?.missing.size === 0) waiting.done();
  }
}
