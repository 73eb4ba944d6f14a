// Calls over HTTP/1.1, each caller on a connection of its own that stays open.
import { Agent, request } from 'node:http';
import type { Asked, Checked } from './calls.ts';
import type { Address } from './service.ts';

export interface Exchange {
  method: string;
  path: string;
  type?: string;
  body?: Buffer;
}

export const overHttp1 = (exchangeFor: (n: number) => Exchange): Asked => ({
  open(target, callers) {
    const agent = new Agent({ keepAlive: true, maxSockets: callers });
    return { call: (n, keep) => send(target, agent, exchangeFor(n), keep), close: () => agent.destroy() };
  },
});

export const checked = (exchangeFor: (n: number) => Exchange, verify: Checked['verify']): Checked => ({
  ...overHttp1(exchangeFor),
  verify,
});

/** One call. */
export async function ask(target: Address, exchange: Exchange): Promise<Buffer> {
  const { call, close } = overHttp1(() => exchange).open(target, 1);
  return await call(0, true).finally(close);
}

export const json = (method: string, path: string, content: unknown): Exchange => ({
  method,
  path,
  type: 'application/json',
  body: Buffer.from(JSON.stringify(content)),
});

function send({ url, headers }: Address, agent: Agent, { method, path, type, body }: Exchange, keep = false): Promise<Buffer> {
  const content = body && { 'content-type': type, 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { agent, method, headers: { ...headers, ...content } }, (response) => {
      const { statusCode = 0 } = response;
      const good = statusCode >= 200 && statusCode < 300;
      const parts: Buffer[] = [];
      if (keep || !good) response.on('data', (part: Buffer) => parts.push(part));
      else response.resume();
      response.on('error', reject).on('end', () => {
        const answer = Buffer.concat(parts);
        if (good) resolve(answer);
        else reject(new Error(`${method} ${path} answered ${statusCode}: ${answer.toString().slice(0, 500)}`));
      });
    });
    sent.on('error', reject).end(body);
  });
}
