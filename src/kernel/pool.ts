/**
 * Runs `work` when one of `slots` is free, in the order of the calls. Throws what `busy` makes when `places` callers wait
 * already.
 */
export function createPool(slots: number, places: number, busy: () => Error) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async function run<T>(work: () => Promise<T>): Promise<T> {
    if (running < slots) running++;
    else {
      if (waiting.length >= places) throw busy();
      await new Promise<void>((takeOver) => waiting.push(takeOver));
    }
    try {
      return await work();
    } finally {
      const takeOver = waiting.shift();
      if (takeOver) takeOver();
      else running--;
    }
  };
}
