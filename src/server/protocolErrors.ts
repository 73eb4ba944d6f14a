import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import { failure } from '../kernel/errors.ts';
import type { Reason } from '../kernel/reasons.ts';

/** What Connect refuses by itself, before any interceptor runs. */
const reasonByCode: Partial<Record<Code, Reason>> = {
  [Code.InvalidArgument]: 'REQUEST_UNREADABLE',
  [Code.ResourceExhausted]: 'MESSAGE_TOO_LARGE',
  [Code.Unimplemented]: 'REQUEST_UNSUPPORTED',
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
};

/** Connect takes bytes that are no message for a fault of the server. */
const unreadable = 'parse binary: ';

/** Characters of Connect's sentence, which may quote what the caller sent. */
const longestProblem = 200;

/**
 * Explains the errors of a call that Connect's adapter serves. The signal's reason is the error that is about to be sent,
 * and the only place where it can be met.
 */
export function explainProtocolErrors({ signal }: HandlerContext): void {
  signal.addEventListener('abort', () => {
    const error: unknown = signal.reason;
    if (error instanceof ConnectError) explain(error);
  });
}

/** Gives an error that Connect makes itself our code, reason and details. */
export function explain(error: ConnectError): void {
  if (error.details.length > 0) return;
  const reason = error.rawMessage.startsWith(unreadable) ? 'REQUEST_UNREADABLE' : reasonByCode[error.code];
  if (!reason) return;
  const problem = error.rawMessage.replace(unreadable, '').slice(0, longestProblem).toWellFormed();
  const { code, rawMessage, message, details } = failure(reason, reason === 'DEADLINE_EXCEEDED' ? {} : { metadata: { problem } });
  Object.assign(error, { code, rawMessage, message, details });
}
