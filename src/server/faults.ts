import { ConnectError } from '@connectrpc/connect';
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
