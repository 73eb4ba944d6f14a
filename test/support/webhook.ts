// A program that takes messages over HTTP. It checks signatures by the documentation, not with the service's code.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Posted {
  /** The body, parsed. */
  message: Record<string, string>;
  headers: IncomingMessage['headers'];
  /** The body as it came. */
  body: string;
}

export interface Webhook {
  /** For ROSTER_SMS_WEBHOOK or ROSTER_MAIL_WEBHOOK. */
  url: string;
  /** The variables beside the URL's that make the service use it. */
  env: { ROSTER_WEBHOOK_SECRET: string; ROSTER_OUTGOING_PRIVATE: string };
  /** Everything that was accepted. */
  messages: Posted[];
  /** Resolves with the next accepted message that no call has returned yet. */
  next(): Promise<Posted>;
  /** How many posts came, accepted or not. */
  attempts(): number;
  /** Resolves once so many posts came. */
  attempted(count: number): Promise<void>;
  stop(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

/** A status, alone or with a Retry-After. */
type Answer = number | { status: number; retryAfter: string };

export const webhookSecret = 'a secret of the tests only, 32+ long'.replaceAll(' ', '-');

/** Whether the post is from the one who knows the secret, unchanged. Says nothing about its age. */
export function isSigned({ headers, body }: Pick<Posted, 'headers' | 'body'>, secret = webhookSecret): boolean {
  const [version, hex = ''] = String(headers['roster-signature']).split('=');
  const expected = createHmac('sha256', secret).update(`${headers['roster-timestamp']}.${body}`).digest();
  const given = Buffer.from(hex, 'hex');
  return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * @param answer What to answer a post with, 'silence' or 'hang up'; a status below 300 accepts it.
 */
export async function startWebhook(
  answer: (posted: Posted) => Answer | 'silence' | 'hang up' = () => 204,
  whenDone: (stop: () => Promise<void>) => void = onTestFinished,
): Promise<Webhook> {
  const messages: Posted[] = [];
  let attempts = 0;
  const waiting: (() => void)[] = [];
  const until = async (ready: () => boolean) => {
    while (!ready()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const body = Buffer.concat(chunks).toString('utf8');
    const posted = { message: JSON.parse(body), headers: request.headers, body };
    const answered = isSigned(posted) ? answer(posted) : 401;
    attempts++;
    if (answered === 'hang up') request.socket.destroy();
    else if (answered !== 'silence') {
      const { status, ...more } = typeof answered === 'number' ? { status: answered } : answered;
      if (status < 300) messages.push(posted);
      response.writeHead(status, 'retryAfter' in more ? { 'retry-after': more.retryAfter } : {}).end();
    }
    for (const look of waiting.splice(0)) look();
  });
  let port = 0;
  const start = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = address !== null && typeof address === 'object' ? address.port : 0;
  };
  const stop = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  await start();
  whenDone(stop);
  let handedOut = 0;
  return {
    url: `http://127.0.0.1:${port}/roster`,
    env: { ROSTER_WEBHOOK_SECRET: webhookSecret, ROSTER_OUTGOING_PRIVATE: '127.0.0.1' },
    messages,
    next: async () => {
      const place = handedOut++;
      await until(() => messages.length > place);
      const posted = messages[place];
      if (!posted) throw new Error('no message');
      return posted;
    },
    attempts: () => attempts,
    attempted: (count) => until(() => attempts >= count),
    stop,
    start,
  };
}
