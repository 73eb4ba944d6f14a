import { createHmac } from 'node:crypto';
import { ForbiddenAddress, type HttpClient } from '../http/client.ts';
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
    const { status } = await http.send({ url, method: 'POST', headers, body, signal }).catch(failed);
    if (status < 200 || status > 299) throw new DeliveryError('unreachable', `the webhook answers ${status}`);
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

function failed(error: unknown): never {
  if (error instanceof ForbiddenAddress) throw new DeliveryError('unreachable', `the webhook stands at ${error.message}`);
  throw new DeliveryError('unreachable', `the webhook does not answer (${reasonOf(error)})`);
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
};
