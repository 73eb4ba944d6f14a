import { ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '../../gen/zitadel/v1/error_pb.ts';
import { type Reason, reasons } from './reasons.ts';

/** Who defines the reasons (AIP-193). */
export const errorDomain = 'roster';

export interface Violation {
  /** Path of the field from the request, such as `queries[2].email_query`. */
  field: string;
  description: string;
}

export interface FailureParts {
  /** Fills the sentence's `{name}`s and goes along for programs. */
  metadata?: Record<string, string>;
  violations?: readonly Violation[];
  retryAfterMs?: number;
  /** Wrong passwords in a row, where clients of the original read their number. */
  failedAttempts?: number;
  /** For the log only; never leaves the process. */
  cause?: unknown;
}

/** The error of a reason, with the details that every client can rely on. The only place that builds one. */
export function failure(
  reason: Reason,
  { metadata = {}, violations = [], retryAfterMs, failedAttempts, cause }: FailureParts = {},
): ConnectError {
  const [code, template] = reasons[reason];
  const message = template.replace(/\{(\w+)\}/g, (_, name: string) => metadata[name] ?? '');
  const details: NonNullable<ConstructorParameters<typeof ConnectError>[3]> = [
    { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } },
    failedAttempts === undefined
      ? { desc: ErrorDetailSchema, value: { id: reason, message } }
      : { desc: CredentialsCheckErrorSchema, value: { id: reason, message, failedAttempts } },
  ];
  if (violations.length > 0) details.push({ desc: BadRequestSchema, value: { fieldViolations: [...violations] } });
  if (retryAfterMs !== undefined) details.push({ desc: RetryInfoSchema, value: { retryDelay: duration(retryAfterMs) } });
  return new ConnectError(`${message} (${reason})`, code, undefined, details, cause);
}

const duration = (ms: number) => ({ seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round(ms % 1000) * 1e6 });

/** A violation of one field, for rules that no proto can state. */
export function invalidField(reason: Reason, field: string, metadata: Record<string, string> = {}): ConnectError {
  const description = failure(reason, { metadata }).rawMessage;
  return failure(reason, { metadata, violations: [{ field, description }] });
}

/** What a failure says: the parts that `failure` was given. */
export interface Told {
  reason: string;
  /** Without the reason. */
  message: string;
  metadata: Readonly<Record<string, string>>;
  /** Path of the first field that it complains about. */
  field: string | undefined;
  retryAfterMs: number | undefined;
}

/** Reads back what `failure` built; undefined for an error that it did not build. */
export function toldBy(error: unknown): Told | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const [info] = error.findDetails(ErrorInfoSchema);
  if (!info) return undefined;
  const { reason, metadata } = info;
  const [request] = error.findDetails(BadRequestSchema);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    reason,
    message: error.rawMessage.replace(` (${reason})`, ''),
    metadata,
    field: request?.fieldViolations[0]?.field,
    retryAfterMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}
