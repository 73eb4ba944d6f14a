import { failure } from './errors.ts';
import type { Reason } from './reasons.ts';

/** Seconds in which a network gets back all its wrong tries. */
export const refillSeconds = 100;
/** Wrong tries at one user's codes that a network has at once: fewer than kill a code. */
export const codeTriesPerNetwork = 4;
/** Seconds in which one of them comes back: longer than it takes to use a code that has just arrived. */
export const codeTrySeconds = 120;
/** Codes that a person may have sent to himself at once, and the seconds in which that many come back. */
export const ownSends = 10;
export const ownSendsSeconds = 3600;
/** Codes that sessions may have sent to a person on one channel at once, and the seconds in which that many come back. */
export const challengeSends = 5;
export const challengeSendsSeconds = 300;
/** Keys remembered at most; the one that was used least lately is forgotten first. */
const maximumKeys = 10_000;

/**
 * What each network, or each person, may still do: a bucket of tries that fills up again. Kept by this process; workers behind
 * one port tell each other what was spent.
 */
export class TryLimits {
  readonly #refillMs: number;
  /** Milliseconds in which one try comes back. */
  readonly #tryMs: number;
  readonly #reason: Reason;
  /** When each bucket will be full again, in milliseconds; one that is full is not kept. */
  readonly #fullAt = new Map<string, number>();
  /** Is told of each try that was taken here, and with -1 of each that was given back. */
  onSpent: ((key: string, tries: 1 | -1) => void) | undefined;

  /**
   * @param burst What one has at once.
   * @param seconds In which all of it comes back.
   * @param reason Told to who has none left.
   */
  constructor(burst: number, seconds = refillSeconds, reason: Reason = 'TRIED_TOO_OFTEN') {
    this.#refillMs = seconds * 1000;
    this.#tryMs = this.#refillMs / burst;
    this.#reason = reason;
  }

  /** The reason of the limit, with the time until the next try, when there is none left. */
  refuseUsedUp(key: string | undefined, now: Date): void {
    if (key !== undefined) this.#next(key, now.getTime());
  }

  /** Takes one, or refuses as `refuseUsedUp` does. */
  take(key: string | undefined, now: Date): void {
    if (key === undefined) return;
    this.#keep(key, this.#next(key, now.getTime()), now.getTime());
    this.onSpent?.(key, 1);
  }

  /** Takes one, whether there is one left or not: of what was under way when there was. */
  charge(key: string | undefined, now: Date): void {
    if (key === undefined) return;
    this.noteSpent(key, 1, now);
    this.onSpent?.(key, 1);
  }

  giveBack(key: string | undefined, now: Date): void {
    if (key === undefined) return;
    this.noteSpent(key, -1, now);
    this.onSpent?.(key, -1);
  }

  /** What another process was told of by its `onSpent`. */
  noteSpent(key: string, tries: 1 | -1, now: Date): void {
    const time = now.getTime();
    const fullAt = Math.max(tries < 0 ? 0 : time, this.#known(key, time)) + tries * this.#tryMs;
    this.#keep(key, Math.min(fullAt, time + this.#refillMs), time);
  }

  /** When the bucket will be full, with one more taken. */
  #next(key: string, time: number): number {
    const fullAt = Math.max(time, this.#known(key, time)) + this.#tryMs;
    const late = fullAt - time - this.#refillMs;
    if (late > 0) throw failure(this.#reason, { retryAfterMs: Math.ceil(late) });
    return fullAt;
  }

  /** What lies far further ahead than a bucket takes to fill was written by a clock that was set right since: nobody waits for that. */
  #known(key: string, time: number): number {
    const fullAt = this.#fullAt.get(key) ?? 0;
    return fullAt > time + 2 * this.#refillMs ? 0 : fullAt;
  }

  #keep(key: string, fullAt: number, time: number): void {
    this.#fullAt.delete(key);
    if (fullAt <= time) return;
    this.#fullAt.set(key, fullAt);
    const [oldest] = this.#fullAt.keys();
    if (this.#fullAt.size > maximumKeys && oldest !== undefined) this.#fullAt.delete(oldest);
  }
}
