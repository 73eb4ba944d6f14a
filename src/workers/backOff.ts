/** Milliseconds after which a worker that serves counts as sound. */
export const soundMs = 30_000;
/** Workers of one place that end in a row, before they were sound, until nobody tries any more: after one and a half seconds of pauses. */
export const maximumEnds = 4;
/** Milliseconds between two tries while the database cannot be reached; those do not count. */
export const unreachablePauseMs = 2_000;
const firstPauseMs = 100;

/** Milliseconds until the next worker starts, when so many before it ended early; none after one that was sound. */
export const pauseMs = (ends: number): number => (ends === 0 ? 0 : firstPauseMs * 2 ** (Math.min(ends, maximumEnds) - 1));
