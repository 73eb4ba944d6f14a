import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds. Refusals that must not tell one case from another by their time come at multiples of it: longer than
 * looking at a hash of our own takes, shorter than anybody minds who mistyped.
 */
export const stepMs = 250;

/** Waits until the work that began then (`performance.now()`) has taken whole steps. */
export const evenOut = (begun: number): Promise<void> => sleep(restOfStep(performance.now() - begun));

/** Milliseconds until work that has taken so many has taken whole steps. */
export const restOfStep = (takenMs: number): number => Math.ceil(takenMs / stepMs) * stepMs - takenMs;
