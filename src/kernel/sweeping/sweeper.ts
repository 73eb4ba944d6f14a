import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import type { App } from '../call.ts';
import { type Sweep, sweeps } from './sweeps.ts';

/** Milliseconds from the start to the first run, and between runs. */
export const firstMs = 60_000;
const everyMs = 3_600_000;
/** Rows that one statement removes. */
export const batchRows = 500;
/** Statements of one sweep in one run: the rest waits for the next run. */
const maximumBatches = 10_000;
/** How many times as long as a statement took the sweeper then rests, so that those who wait for answers hardly notice. */
const restFactor = 4;

/** Removes in the background what nobody needs any more. Any number of replicas may do so at once. */
export class Sweeper {
  readonly #app: App;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(app: App) {
    this.#app = app;
  }

  /** @param afterMs Milliseconds until the first run. */
  start(afterMs = firstMs): void {
    this.#timer = setTimeout(() => this.#next(), afterMs).unref();
  }

  /** Ends with the statement that is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  #next(): void {
    this.#running = this.run().finally(() => {
      if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => this.#next(), everyMs).unref();
    });
  }

  /** One run of all sweeps. A sweep that fails is logged, and tried again with the next run. */
  async run(): Promise<void> {
    for (const sweep of sweeps) {
      await this.#sweep(sweep).catch((error: unknown) => this.#app.log.warn(error, `${sweep.name} were not swept`));
    }
  }

  async #sweep(sweep: Sweep): Promise<void> {
    let total = 0;
    for (let batch = 0; batch < maximumBatches && !this.#stopping.signal.aborted; batch++) {
      const begun = performance.now();
      const removed = await removeBatch(this.#app, sweep);
      total += removed;
      if (removed < batchRows) break;
      await sleep((performance.now() - begun) * restFactor, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
    if (total > 0) this.#app.log.debug({ removed: total }, `${sweep.name} were swept`);
  }
}

/** Rows that somebody else holds are left to him. Returns how many are gone. */
async function removeBatch({ db, clock }: App, { table, unneeded }: Sweep): Promise<number> {
  const now = clock().getTime();
  const ago = (hours: number) => sql`${new Date(now - hours * 3_600_000).toISOString()}::timestamptz`;
  const some = sql`select ctid from ${table} where ${unneeded(ago)} limit ${batchRows} for update skip locked`;
  const { count } = await db.execute(sql`delete from ${table} where ctid = any(array(${some}))`);
  return count;
}
