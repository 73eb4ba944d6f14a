import { Code, ConnectError } from '@connectrpc/connect';
import type { UnaryContext } from './context.ts';

/**
 * Ends the call when the caller's deadline has passed, or so many milliseconds after its head has come where that is sooner:
 * a body that never comes would stay for ever. Returns what clears the timer.
 */
export function deadlineTimer(context: UnaryContext, maximumMs: number): () => void {
  const end = () => context.end(new ConnectError('the operation timed out', Code.DeadlineExceeded));
  const timeoutMs = Math.min(context.timeoutMs() ?? maximumMs, maximumMs);
  if (timeoutMs <= 0) {
    end();
    return nothing;
  }
  const timer = setTimeout(end, timeoutMs);
  return () => clearTimeout(timer);
}

const nothing = () => {};

/** What the work comes to, or why the call is over where that is sooner. */
export async function unlessOver(context: UnaryContext, work: Promise<void>): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      context.onOver = reject;
      work.then(resolve, reject);
    });
  } finally {
    context.onOver = undefined;
  }
}
