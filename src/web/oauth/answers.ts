import { Code } from '@connectrpc/connect';
import { codeToHttpStatus } from '@connectrpc/connect/protocol-connect';
import { type OauthError, OauthRefusal } from '../../features/oauth/refusal.ts';
import type { App } from '../../kernel/call.ts';
import { toldBy } from '../../kernel/errors.ts';
import { toFailure } from '../../server/faults.ts';

export interface Answer {
  status: number;
  /** As JSON. */
  body?: object;
  /** Beside those of every answer, or in their place. */
  headers?: Readonly<Record<string, string>>;
}

/** How a client that is not known may show who it is (RFC 9110, 11.6.1). */
const challenges: Partial<Record<OauthError, string>> = {
  invalid_client: 'Basic realm="roster", Bearer realm="roster"',
  invalid_token: 'Bearer realm="roster", error="invalid_token"',
};

/** RFC 6749, 5.2; RFC 6750, 3. */
function refused({ error, message }: OauthRefusal): Answer {
  const challenge = challenges[error];
  const body = { error, error_description: message };
  return challenge ? { status: 401, headers: { 'www-authenticate': challenge }, body } : { status: 400, body };
}

const later: ReadonlySet<Code> = new Set([Code.ResourceExhausted, Code.Unavailable, Code.DeadlineExceeded]);

/** What goes wrong, in the form that clients of these endpoints read. */
export function refusalOf(app: App, error: unknown, request: string): Answer {
  if (error instanceof OauthRefusal) return refused(error);
  const failed = toFailure(error, request, app.log);
  if (failed.code === Code.Unauthenticated) return refused(new OauthRefusal('invalid_token', 'The token may not be used.'));
  const { message = '', retryAfterMs } = toldBy(failed) ?? {};
  const headers = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  // There is no word for it in RFC 6749, 5.2; these are those of 4.1.2.1.
  const word = later.has(failed.code)
    ? 'temporarily_unavailable'
    : failed.code === Code.PermissionDenied
      ? 'access_denied'
      : 'server_error';
  return { status: codeToHttpStatus(failed.code), headers, body: { error: word, error_description: message } };
}
