import { Code, ConnectError } from '@connectrpc/connect';
import type { UnaryContext } from './context.ts';

/** Milliseconds. Node fires a timer at once that is longer, and this is 24 days. */
const longestTimer = 2 ** 31 - 1;

/** Ends the call when the caller's deadline has passed. Returns what clears the timer. */
export function deadlineTimer(context: UnaryContext): () => void {
  const timeoutMs = context.timeoutMs();
  if (timeoutMs === undefined || timeoutMs > longestTimer) return nothing;
  const end = () => context.end(new ConnectError('the operation timed out', Code.DeadlineExceeded));
  if (timeoutMs <= 0) {
    end();
    return nothing;
  }
  const timer = setTimeout(end, timeoutMs);
  return () => clearTimeout(timer);
}

const nothing = () => {};
