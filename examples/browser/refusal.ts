// What Roster says when it refuses, read out of the error: the same for the page and for the backend.
import { type Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';

export interface Refusal {
  code: Code;
  /** One of docs/errors.md; these stay as they are. Empty: it was not Roster that answered. */
  reason: string;
  /** For people, in English. */
  sentence: string;
  /** How long to wait before the next try. */
  waitSeconds: number | undefined;
}

/** Undefined for what is no answer to a call. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const reason = error.findDetails(ErrorInfoSchema)[0]?.reason ?? '';
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const waitSeconds = delay && Number(delay.seconds) + Math.ceil(delay.nanos / 1e9);
  return { code: error.code, reason, sentence: error.rawMessage.replace(` (${reason})`, ''), waitSeconds };
}

const over = ['SESSION_NOT_FOUND', 'SESSION_TOKEN_WRONG', 'SESSION_EXPIRED'];

/** Whether a session has ended, by whatever. */
export const isOver = (error: unknown): boolean => over.includes(refusalOf(error)?.reason ?? '');
