import type { Sql } from 'postgres';
import type { App } from '../call.ts';
import type { Message } from './message.ts';
import { deliverNext, outboxChannel } from './outbox.ts';

/** Until what could not be delivered is tried again. */
const retryMs = 10_000;

/** Delivers what the outbox holds, woken by a notification of Postgres; idle, it asks the database nothing. */
export class Sender {
  readonly #app: App;
  readonly #deliver: (id: bigint, message: Message) => Promise<void>;
  #running: Promise<void> | undefined;
  #again = false;
  #stopListening: (() => Promise<void>) | undefined;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(app: App, deliver: (id: bigint, message: Message) => Promise<void>) {
    this.#app = app;
    this.#deliver = deliver;
  }

  /** Also runs after each reconnect, so that nothing queued while the database was away is left lying. */
  async start(client: Sql): Promise<void> {
    const wake = () => this.#wake();
    const { unlisten } = await client.listen(outboxChannel, wake, wake);
    this.#stopListening = unlisten;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#stopListening?.().catch((error: unknown) => this.#app.log.debug(error, 'unlisten failed'));
    await this.#running;
  }

  #wake(): void {
    this.#again = true;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
  }

  async #drain(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        while (!this.#stopped && (await deliverNext(this.#app, this.#deliver)));
      } catch (error) {
        this.#app.log.error(error, 'a message could not be delivered; it stays in the outbox');
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#wake(), retryMs).unref();
      }
    }
  }
}
