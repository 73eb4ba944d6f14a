// What a test file has opened is closed when that file is done, the last first.

const closers: (() => Promise<unknown>)[] = [];

/** For what is opened while tests run, where Vitest takes no `afterAll` any more. */
export function closeWithFile(close: () => Promise<unknown>): void {
  closers.push(close);
}

export async function closeAll(): Promise<void> {
  for (let close = closers.pop(); close; close = closers.pop()) await close();
}
