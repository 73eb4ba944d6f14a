import type { Sql } from 'postgres';
import type { App } from '../call.ts';
import { type Deliver, Lane } from './lane.ts';
import { type Channel, channels } from './message.ts';
import { outboxChannel } from './outbox.ts';
import type { Routes } from './routes.ts';

/**
 * Milliseconds between two looks at the queue that nobody asked for: for messages of processes that died, and where
 * notifications do not pass. One statement per channel.
 */
const pollMs = 60_000;

export type Deliverers = Readonly<Record<Channel, Deliver | undefined>>;

/** Delivers what the outbox holds, woken by a notification of Postgres. */
export class Sender {
  readonly #app: App;
  readonly #lanes: Record<Channel, Lane>;
  #poll: NodeJS.Timeout | undefined;
  #stopListening: (() => Promise<void>) | undefined;

  /** @param deliver How each channel's messages leave; undefined leaves them waiting. */
  constructor(app: App, deliver: Deliverers) {
    this.#app = app;
    this.#lanes = { email: new Lane(app, 'email', deliver.email), sms: new Lane(app, 'sms', deliver.sms) };
  }

  /** Also looks after each reconnect, so that nothing queued while the database was away is left lying. */
  async start(client: Sql, everyMs = pollMs): Promise<void> {
    this.#poll = setInterval(() => this.#wake(''), everyMs).unref();
    try {
      const { unlisten } = await client.listen(
        outboxChannel,
        (channel) => this.#wake(channel),
        () => this.#wake(''),
      );
      this.#stopListening = unlisten;
    } catch (error) {
      this.#app.log.warn(error, 'no notifications from the database; messages may leave a minute late');
      this.#wake('');
    }
  }

  /** Takes nothing more, and lets what is under way end; after so many milliseconds it is broken off. */
  async stop(graceMs: number): Promise<void> {
    clearInterval(this.#poll);
    await this.#stopListening?.().catch((error: unknown) => this.#app.log.debug(error, 'unlisten failed'));
    await Promise.all(channels.map((channel) => this.#lanes[channel].stop(graceMs)));
  }

  /** Whether the last attempt to deliver a message of the channel found nobody who takes messages. */
  isFailing(channel: Channel): boolean {
    return this.#lanes[channel].failing;
  }

  #wake(channel: string): void {
    for (const lane of channels.filter((name) => channel === '' || name === channel)) this.#lanes[lane].wake();
  }
}

/** What hinders messages from leaving, by channel, for everybody to see; nothing when all is well. */
export function noticesOf(routes: Routes, sender: Sender): Readonly<Record<string, string>> {
  const notice = (channel: Channel) => {
    const route = routes[channel];
    if (route.by === 'nothing') return route.problem === undefined ? 'not configured' : 'misconfigured';
    return sender.isFailing(channel) ? 'failing' : undefined;
  };
  return Object.fromEntries(
    channels.flatMap((channel) => [notice(channel)].filter((n) => n !== undefined).map((n) => [channel, n])),
  );
}
