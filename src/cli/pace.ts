/** Milliseconds between two lines: for someone who watches, and for a log. */
const watched = 1_000;
const logged = 10_000;

/** How fast something goes that takes long: a line every now and then. */
export class Pace {
  readonly #tell: (line: string) => void;
  readonly #started = performance.now();
  readonly #before: number;
  readonly #every = process.stderr.isTTY ? watched : logged;
  #next = this.#started + this.#every;

  /** `before` were done already. */
  constructor(tell: (line: string) => void, before = 0) {
    this.#tell = tell;
    this.#before = before;
  }

  tell(done: number, more: string): void {
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + this.#every;
    this.#tell(`${done} lines, ${this.rate(done)} lines/s, ${more}`);
  }

  /** Lines of a second, on average. */
  rate(done: number): number {
    return Math.round(((done - this.#before) * 1_000) / Math.max(1, performance.now() - this.#started));
  }
}
