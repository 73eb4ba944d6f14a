import { inTime } from '../kernel/inTime.ts';

/** Asks at this pace whether the database answers: the only statement of an idle service. */
const heartbeatMs = 5_000;
/** And at this pace while it does not. */
const retryMs = 500;
/** A database that takes longer to answer than this counts as away. */
const patienceMs = 2_000;

/** Watches the database, so that health tells of its absence before a caller runs into it. */
export class Monitor {
  readonly #ping: () => Promise<void>;
  readonly #onChange: (present: boolean) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(ping: () => Promise<void>, onChange: (present: boolean) => void) {
    this.#ping = ping;
    this.#onChange = onChange;
  }

  /** Asks now, tells the answer, and plans the next time. */
  async check(): Promise<boolean> {
    const present = await this.#answers();
    if (this.#stopped) return present;
    this.#onChange(present);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.check(), present ? heartbeatMs : retryMs).unref();
    return present;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #answers(): Promise<boolean> {
    return inTime(this.#ping(), patienceMs, () => new Error('no answer')).then(
      () => true,
      () => false,
    );
  }
}
