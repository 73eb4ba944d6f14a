/** 2020-01-01: keeps ids at 18 digits until 2051. */
const epoch = Date.UTC(2020, 0, 1);
const perMillisecond = 1_000n;
const nodes = 1_000n;

/**
 * Makes 18-digit ids that rise with time: 12 digits of milliseconds since 2020, 3 of the process, 3 of a counter.
 * `node` must differ between processes that run at the same time; the database hands it out.
 */
export class Ids {
  readonly #node: bigint;
  readonly #clock: () => Date;
  #millisecond = 0n;
  #count = 0n;

  constructor(node: number, clock: () => Date) {
    this.#node = BigInt(node) % nodes;
    this.#clock = clock;
  }

  next(): string {
    const now = BigInt(this.#clock().getTime() - epoch);
    if (now > this.#millisecond) {
      this.#millisecond = now;
      this.#count = 0n;
    } else if (++this.#count === perMillisecond) {
      // More than a thousand in one millisecond, or the clock went back: borrow from the next one.
      this.#millisecond += 1n;
      this.#count = 0n;
    }
    return String((this.#millisecond * nodes + this.#node) * perMillisecond + this.#count);
  }
}
