import { failure } from './errors.ts';

/** Wrong tries that a network has at once. */
const burst = 100;
/** Wrong tries that it gets back in a second. */
const perSecond = 1;
/** Networks remembered at most; the one that tried least lately is forgotten first. */
const maximumNetworks = 10_000;

interface Bucket {
  left: number;
  at: number;
}

/**
 * What each network may still try wrongly, in this process: a bucket of tries that fills up again. A try is taken before
 * it is looked at and given back when it was right, so that nobody is slowed by what he does rightly.
 */
export class TryLimits {
  readonly #buckets = new Map<string, Bucket>();

  /** TRIED_TOO_OFTEN, with the time until the next try, when the network has none left. */
  take(network: string | undefined, now: Date): void {
    if (network === undefined) return;
    const left = this.#left(network, now);
    if (left < 1) throw failure('TRIED_TOO_OFTEN', { retryAfterMs: Math.ceil(((1 - left) / perSecond) * 1000) });
    this.#keep(network, { left: left - 1, at: now.getTime() });
  }

  giveBack(network: string | undefined, now: Date): void {
    if (network !== undefined) this.#keep(network, { left: Math.min(burst, this.#left(network, now) + 1), at: now.getTime() });
  }

  #left(network: string, now: Date): number {
    const bucket = this.#buckets.get(network);
    if (!bucket) return burst;
    return Math.min(burst, bucket.left + ((now.getTime() - bucket.at) / 1000) * perSecond);
  }

  #keep(network: string, bucket: Bucket): void {
    this.#buckets.delete(network);
    if (bucket.left >= burst) return;
    this.#buckets.set(network, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maximumNetworks && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
