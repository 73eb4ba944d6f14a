import { Turns } from '../kernel/turns.ts';
import type { Enter } from './messages.ts';

/** The turns that workers take together: who holds one gives it back, or ends. */
export class TurnDesk<W> {
  readonly #turns = new Map<string, Turns>();
  /** What ends the turns of each worker, by the id of its request; those that still wait among them. */
  readonly #holders = new Map<W, Map<number, () => void>>();

  enter(worker: W, { id, turns: name, atOnce, key }: Enter, entered: () => void): void {
    const turns = this.#turns.get(name) ?? new Turns(atOnce);
    this.#turns.set(name, turns);
    const held = this.#holders.get(worker) ?? new Map<number, () => void>();
    this.#holders.set(worker, held);
    const { promise: left, resolve } = Promise.withResolvers<void>();
    held.set(id, resolve);
    void turns.take(key, async () => {
      if (held.has(id)) entered();
      await left;
    });
  }

  leave(worker: W, id: number): void {
    const held = this.#holders.get(worker);
    held?.get(id)?.();
    held?.delete(id);
  }

  /** Of a worker that has ended. */
  leaveAll(worker: W): void {
    const held = this.#holders.get(worker);
    this.#holders.delete(worker);
    for (const id of [...(held?.keys() ?? [])]) {
      held?.get(id)?.();
      held?.delete(id);
    }
  }
}
