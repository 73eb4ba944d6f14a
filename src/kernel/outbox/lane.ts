import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from '../call.ts';
import { DeliveryError } from './failure.ts';
import type { Channel } from './message.ts';
import { type Letter, letterOf } from './outbox.ts';
import { bury, deliveryMs, finish, maximumAttempts, postpone, type Queued, take } from './queue.ts';

/** Brings a message to its receiver, or fails with a DeliveryError. Gives up when the signal says so. */
export type Deliver = (letter: Letter, signal: AbortSignal) => Promise<void>;

/** Messages of one channel under way at once, per process. */
const parallel = 5;
/** Milliseconds between two attempts to strike a delivered message off. */
const finishPauseMs = 500;
/** Timers and clocks differ by a little: a message must be due when its timer looks for it. */
const timerSlackMs = 20;

/** Empties the queue of one channel: channels do not wait for each other, nor a message for another one. */
export class Lane {
  readonly #app: App;
  readonly #channel: Channel;
  readonly #deliver: Deliver | undefined;
  readonly #running = new Map<bigint, Promise<void>>();
  #taking: Promise<void> | undefined;
  #again = false;
  /** There may be more due than were taken. */
  #more = false;
  #stopped = false;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #cut = new AbortController();
  /** Whether the last attempt found nobody who takes messages. */
  failing = false;

  /** Without a way to deliver it only gives up what has expired. */
  constructor(app: App, channel: Channel, deliver: Deliver | undefined) {
    this.#app = app;
    this.#channel = channel;
    this.#deliver = deliver;
  }

  /** Looks for messages that are due. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined;
      // Whoever came after the last look and before this line.
      if (this.#again) this.wake();
    });
  }

  /** Takes nothing more, and lets what is under way end; after so many milliseconds it is broken off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const cut = setTimeout(() => this.#cut.abort(), graceMs);
    await this.#taking;
    await Promise.all(this.#running.values());
    clearTimeout(cut);
  }

  async #take(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const free = parallel - this.#running.size;
      this.#more = free === 0;
      if (this.#more) return;
      try {
        const taken = await take(this.#app, this.#channel, free, this.#deliver === undefined);
        this.#more = taken.length === free;
        for (const queued of taken) this.#start(queued);
      } catch (error) {
        // The next notification, reconnect or poll tries again.
        this.#app.log.error({ err: error, channel: this.#channel }, 'the outbox could not be read');
      }
    }
  }

  #start(queued: Queued): void {
    // Delivered here, and not struck off before its lease ended: the database was away.
    if (this.#running.has(queued.id)) return;
    const run = this.#handle(queued)
      .catch((error: unknown) => {
        const { id, channel } = queued;
        this.#app.log.error({ err: error, message: String(id), channel }, 'a message stays in the outbox until its lease ends');
      })
      .finally(() => {
        this.#running.delete(queued.id);
        if (this.#more) this.wake();
      });
    this.#running.set(queued.id, run);
  }

  async #handle(queued: Queued): Promise<void> {
    const { id, kind, channel, attempts, expiresAt } = queued;
    const facts = { message: String(id), kind, channel, attempts };
    const { log, clock } = this.#app;
    if (expiresAt && expiresAt <= clock()) {
      await bury(this.#app, queued, 'expired');
      return log.warn(facts, 'a message expired before it could be delivered');
    }
    const error = await this.#attempt(queued);
    this.failing = error?.verdict === 'unreachable';
    if (!error) {
      await this.#finish(queued);
      return log.debug(facts, 'message delivered');
    }
    const failure = error.message;
    if (error.verdict === 'refused' || attempts >= maximumAttempts) {
      await bury(this.#app, queued, failure);
      return log.error({ ...facts, failure }, 'a message was given up; see: npm run roster -- outbox list');
    }
    const dueAt = await postpone(this.#app, queued, failure, error.waitMs);
    log.warn({ ...facts, failure, dueAt }, 'a message could not be delivered; it is tried again');
    this.#wakeAt(dueAt);
  }

  async #attempt(queued: Queued): Promise<DeliveryError | undefined> {
    const late = AbortSignal.timeout(deliveryMs);
    try {
      const signal = AbortSignal.any([late, this.#cut.signal]);
      await Promise.race([this.#deliver?.(letterOf(this.#app, queued), signal), aborted(signal)]);
      return undefined;
    } catch (error) {
      if (this.#cut.signal.aborted) return new DeliveryError('deferred', 'broken off when the process stopped');
      if (error instanceof DeliveryError) return error;
      if (late.aborted) return new DeliveryError('unreachable', `took longer than ${deliveryMs / 1000} s`);
      this.#app.log.error({ type: error instanceof Error ? error.name : typeof error }, 'a delivery failed unexpectedly');
      return new DeliveryError('deferred', error instanceof Error ? error.name : 'unknown failure');
    }
  }

  /** What was accepted must not be sent again: while the database is away, this goes on trying. */
  async #finish(queued: Queued): Promise<void> {
    for (;;) {
      try {
        return await finish(this.#app, queued);
      } catch (error) {
        if (this.#stopped) throw error;
        this.#app.log.warn({ err: error, message: String(queued.id) }, 'a delivered message could not be struck off yet');
        await sleep(finishPauseMs);
      }
    }
  }

  #wakeAt(dueAt: Date): void {
    if (this.#stopped) return;
    const wake = () => {
      this.#timers.delete(timer);
      this.wake();
    };
    const timer = setTimeout(wake, dueAt.getTime() - this.#app.clock().getTime() + timerSlackMs).unref();
    this.#timers.add(timer);
  }
}

/** Fails when the signal says so: nobody waits for a delivery that does not listen to it. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
