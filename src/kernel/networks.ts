import { failure } from './errors.ts';

/** Seconds in which a network gets back all its wrong tries. */
export const refillSeconds = 100;
const refillMs = refillSeconds * 1000;
/** Networks remembered at most; the one that tried least lately is forgotten first. */
const maximumNetworks = 10_000;

/**
 * What each network may still try wrongly, in this process: a bucket of tries that fills up again. A try is taken before
 * it is looked at and given back when it was right, so that nobody is slowed by what he does rightly.
 */
export class TryLimits {
  /** Milliseconds in which one try comes back. */
  readonly #tryMs: number;
  /** When each bucket will be full again, in milliseconds; one that is full is not kept. */
  readonly #fullAt = new Map<string, number>();

  /** @param burst Wrong tries that a network has at once. */
  constructor(burst: number) {
    this.#tryMs = refillMs / burst;
  }

  /** TRIED_TOO_OFTEN, with the time until the next try, when the network has none left. */
  take(network: string | undefined, now: Date): void {
    if (network === undefined) return;
    const time = now.getTime();
    const fullAt = Math.max(time, this.#known(network, time)) + this.#tryMs;
    if (fullAt > time + refillMs) throw failure('TRIED_TOO_OFTEN', { retryAfterMs: Math.ceil(fullAt - time - refillMs) });
    this.#keep(network, fullAt, time);
  }

  giveBack(network: string | undefined, now: Date): void {
    if (network === undefined) return;
    const time = now.getTime();
    this.#keep(network, this.#known(network, time) - this.#tryMs, time);
  }

  /** What lies far further ahead than a bucket takes to fill was written by a clock that was set right since: nobody waits for that. */
  #known(network: string, time: number): number {
    const fullAt = this.#fullAt.get(network) ?? 0;
    return fullAt > time + 2 * refillMs ? 0 : fullAt;
  }

  #keep(network: string, fullAt: number, time: number): void {
    this.#fullAt.delete(network);
    if (fullAt <= time) return;
    this.#fullAt.set(network, fullAt);
    const [oldest] = this.#fullAt.keys();
    if (this.#fullAt.size > maximumNetworks && oldest !== undefined) this.#fullAt.delete(oldest);
  }
}
