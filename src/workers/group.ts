// The workers of one port, as one of them sees them: turns they take together, limits they share, what they tell of themselves.
import type { Socket } from 'node:net';
import type { App } from '../kernel/call.ts';
import type { TakesTurns } from '../kernel/turns.ts';
import type { Arrivals } from '../server/listen.ts';
import type { Limit, Report, Reports, Start, ToSupervisor, ToWorker } from './messages.ts';

const limits: readonly Limit[] = ['tryLimits', 'codeTryLimits', 'sendLimits', 'challengeLimits'];

/** Without its supervisor a worker ends, whatever it has to say. */
export function tell(message: ToSupervisor, told: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, told);
  else told();
}

export class Group {
  readonly worker: number;
  readonly #entered = new Map<number, () => void>();
  readonly #asked = new Map<number, (reports: Reports) => void>();
  #app: Pick<App, Limit | 'clock'> | undefined;
  #describe: (() => Report) | undefined;
  #lastId = 0;

  /** What the supervisor has accepted. */
  readonly arrivals: Arrivals;
  #accept: ((socket: Socket) => void) | undefined;

  constructor({ worker, port }: Start) {
    this.worker = worker;
    this.arrivals = {
      port,
      take: (accept) => {
        this.#accept = accept;
      },
    };
  }

  /** Turns that the workers take together, so many at once over all of them. */
  turns(name: string, atOnce: number): TakesTurns {
    return {
      take: async (key, work) => {
        const id = ++this.#lastId;
        await new Promise<void>((resolve) => {
          this.#entered.set(id, resolve);
          tell({ kind: 'enter', id, turns: name, atOnce, key });
        });
        try {
          return await work();
        } finally {
          tell({ kind: 'leave', id });
        }
      },
    };
  }

  /** From here on what is spent here counts for the others, as soon as they hear of it, and the other way round. */
  shareLimits(app: Pick<App, Limit | 'clock'>): void {
    this.#app = app;
    for (const limit of limits) {
      app[limit].onSpent = (key, tries) => tell({ kind: 'spent', limit, key, tries });
    }
  }

  /** What this worker tells of itself when one is asked for all. */
  describe(own: () => Report): void {
    this.#describe = own;
  }

  /** Of all workers, this one among them; of one that does not answer what it told before. */
  reports(): Promise<Reports> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      tell({ kind: 'ask', id });
    });
  }

  hear(message: ToWorker, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'connection':
        if (socket) this.#accept?.(socket);
        return;
      case 'entered':
        this.#entered.get(message.id)?.();
        this.#entered.delete(message.id);
        return;
      case 'spent':
        this.#app?.[message.limit].noteSpent(message.key, message.tries, this.#app.clock());
        return;
      case 'report':
        if (this.#describe) tell({ kind: 'reported', id: message.id, report: this.#describe() });
        return;
      case 'reports':
        this.#asked.get(message.id)?.(message.reports);
        this.#asked.delete(message.id);
        return;
      case 'start':
      case 'stop':
        return;
    }
  }
}
