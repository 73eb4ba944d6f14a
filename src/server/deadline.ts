import { Code, ConnectError, type Interceptor, type UnaryRequest } from '@connectrpc/connect';
import { failure } from '../kernel/errors.ts';
import { contextKey } from './unary/context.ts';

/**
 * Answers when the caller's deadline is over, or the server's own where that is sooner or the caller named none, even
 * while the work still runs.
 */
export const deadline =
  (maxTimeoutMs: number): Interceptor =>
  (next) =>
  async (req) => {
    if (req.stream) return next(req);
    const ending = endingOf(req, maxTimeoutMs);
    if (ending.over) throw refusalOf(ending.over);
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof next>>>();
    const forget = ending.listen((reason) => reject(refusalOf(reason)));
    next(req).then(resolve, reject);
    try {
      return await promise;
    } finally {
      forget();
    }
  };

/** How a call ends before it has its answer. */
interface Ending {
  /** Why it has ended, if it has. */
  over: unknown;
  /** Returns what ends the listening. */
  listen(listener: (reason: unknown) => void): () => void;
}

/** The lean path tells without a signal, which costs as much as the rest of this, and of the server's deadline as well. */
function endingOf(req: UnaryRequest, maxTimeoutMs: number): Ending {
  const context = req.contextValues.get(contextKey);
  if (context) {
    const listen = (listener: (reason: unknown) => void) => {
      context.onOver = listener;
      return () => {
        context.onOver = undefined;
      };
    };
    return { over: context.over, listen };
  }
  const { signal } = req;
  const listen = (listener: (reason: unknown) => void) => {
    const stop = () => listener(signal.reason);
    const timer = setTimeout(() => listener(failure('DEADLINE_EXCEEDED')), maxTimeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    return () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    };
  };
  return { over: signal.aborted ? (signal.reason ?? true) : undefined, listen };
}

function refusalOf(reason: unknown): ConnectError {
  if (reason instanceof ConnectError && reason.code !== Code.DeadlineExceeded) return reason;
  return failure(reason instanceof ConnectError ? 'DEADLINE_EXCEEDED' : 'CANCELED');
}
