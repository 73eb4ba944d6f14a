/** Whoever lets work on one key wait for its turn: this process alone, or the workers of one port together. */
export type TakesTurns = Pick<Turns, 'take'>;

/** Lets so many pieces of work on one key run at once in this process; the others wait, in the order in which they came. */
export class Turns {
  readonly #atOnce: number;
  /** Those that run, and what wakes those that wait; a key that nobody works on is not kept. */
  readonly #keys = new Map<string, { running: number; waiting: (() => void)[] }>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    await this.#enter(key);
    try {
      return await work();
    } finally {
      this.#leave(key);
    }
  }

  async #enter(key: string): Promise<void> {
    const state = this.#keys.get(key) ?? { running: 0, waiting: [] };
    this.#keys.set(key, state);
    // Who leaves hands its turn on: the number of those that run stays.
    if (state.running === this.#atOnce) await new Promise<void>((resolve) => state.waiting.push(resolve));
    else state.running++;
  }

  #leave(key: string): void {
    const state = this.#keys.get(key);
    const next = state?.waiting.shift();
    if (next) next();
    else if (state && --state.running === 0) this.#keys.delete(key);
  }
}
