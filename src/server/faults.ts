import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { HashingBusy } from '../kernel/crypto/hashes/pool.ts';
import { isDatabaseAway, isTimedOut } from '../kernel/db/failures.ts';
import { failure } from '../kernel/errors.ts';

/** Turns whatever was thrown into what a caller may see; the cause goes to the log under the same request id. */
export function toFailure(error: unknown, request: string, log: Logger): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof HashingBusy) return failure('HASHING_BUSY', { retryAfterMs: error.retryAfterMs });
  if (isTimedOut(error)) return failure('DEADLINE_EXCEEDED', { cause: error });
  if (isDatabaseAway(error)) {
    log.warn({ request, err: error }, 'the database is away');
    return failure('UNAVAILABLE', { metadata: { request }, cause: error });
  }
  log.error({ request, err: error }, 'a bug: this error was not expected');
  return failure('INTERNAL', { metadata: { request }, cause: error });
}

/**
 * Answers when the caller's deadline is over, or the server's own where that is sooner or the caller named none, even
 * while the work still runs.
 */
export const deadline =
  (maxTimeoutMs: number): Interceptor =>
  (next) =>
  async (req) => {
    if (req.stream) return next(req);
    const { signal } = req;
    if (signal.aborted) throw reasonOf(signal);
    const { promise: over, reject } = Promise.withResolvers<never>();
    const stop = () => reject(reasonOf(signal));
    const timer = setTimeout(() => reject(failure('DEADLINE_EXCEEDED')), maxTimeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([next(req), over]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  };

const reasonOf = (signal: AbortSignal) => {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectError && reason.code !== Code.DeadlineExceeded) return reason;
  return failure(reason instanceof ConnectError ? 'DEADLINE_EXCEEDED' : 'CANCELED');
};
