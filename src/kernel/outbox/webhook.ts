import { createHmac } from 'node:crypto';
import { type HttpClient, type HttpResponse, whyUnanswered } from '../http/client.ts';
import { DeliveryError } from './failure.ts';
import type { Posting, Transport } from './posting.ts';

/**
 * Hands messages to a program of the operator's: a POST of JSON, signed with HMAC-SHA-256 over the time (seconds since 1970), a
 * dot and the body. Any 2xx answer means that it has taken the message.
 */
export const webhookTransport = (http: HttpClient, url: string, secret: string, clock: () => Date): Transport => ({
  send: async (posting, signal) => {
    const body = JSON.stringify(bodyOf(posting));
    const timestamp = String(Math.floor(clock().getTime() / 1000));
    const headers = {
      'content-type': 'application/json',
      'roster-message-id': posting.letter.reference,
      'roster-timestamp': timestamp,
      'roster-signature': `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`,
    };
    const response = await http.send({ url, method: 'POST', headers, body, signal }).catch(failed);
    if (response.status < 200 || response.status > 299) throw refusalOf(response, clock());
  },
  close: () => http.close(),
});

/** Whether a server answers there at all: nothing that it could take for a message is sent. Fails with a DeliveryError. */
export async function probeWebhook(http: HttpClient, url: string, signal: AbortSignal): Promise<void> {
  await http.send({ url, method: 'HEAD', signal }).catch(failed);
}

function bodyOf({ letter, rendered }: Posting) {
  const { message, reference: id } = letter;
  const { kind, channel, to, language, userId, organizationId } = message;
  const code = 'code' in message ? { code: message.code, expiresAt: message.expiresAt } : {};
  const { subject, text, html } = rendered;
  const read = channel === 'email' ? { subject, text, html } : { text: text.trim() };
  return { id, kind, channel, to, language, userId, organizationId, ...code, ...read };
}

/** The program understood, and will never take this message: 400, 413 (Content Too Large), 422 (RFC 9110, 15.5). */
const refusing: readonly number[] = [400, 413, 422];
/** Milliseconds for which a webhook may have itself left alone. */
const longestWaitMs = 3_600_000;

/**
 * 429 (RFC 6585, 4), and 503 with Retry-After, come from a program that only wants less at once. What is left means that nobody
 * takes messages there: a wrong address or secret (401, 403, 404, 410), a redirect, a program that is broken.
 */
function refusalOf({ status, headers }: HttpResponse, now: Date): DeliveryError {
  const failure = `the webhook answers ${status}`;
  if (refusing.includes(status)) return new DeliveryError('refused', failure);
  const waitMs = waitOf(headers['retry-after'] ?? '', now);
  if (status !== 429 && !(status === 503 && waitMs !== undefined)) return new DeliveryError('unreachable', failure);
  return new DeliveryError('deferred', failure, waitMs);
}

/** Milliseconds that a Retry-After asks for: seconds, or a date (RFC 9110, 10.2.3). Undefined when it says neither. */
function waitOf(retryAfter: string, now: Date): number | undefined {
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now.getTime();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs);
}

function failed(error: unknown): never {
  throw new DeliveryError('unreachable', `the webhook ${whyUnanswered(error)}`);
}
