import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds. Refusals that must not tell one case from another by their time come at multiples of it: longer than
 * looking at a hash of our own takes, shorter than anybody minds who mistyped.
 */
const stepMs = 250;

/** Waits until the work that began then (`performance.now()`) has taken whole steps. */
export async function evenOut(begun: number): Promise<void> {
  const taken = performance.now() - begun;
  await sleep(Math.ceil(taken / stepMs) * stepMs - taken);
}
