// Owns: the endpoints of OAuth 2.0 over HTTP: tokens, what is told of them, keys, discovery. Leaves what is given to whom to
// features/oauth.
import { randomUUID } from 'node:crypto';
import { oauthPaths } from '../../features/oauth/paths.ts';
import type { App } from '../../kernel/call.ts';
import { type NodeHandler, type NodeRequest, type NodeResponse, pathOf } from '../../server/handler.ts';
import type { NetworkOf } from '../../server/network.ts';
import { readToTheEnd } from '../body.ts';
import type { Answer } from './answers.ts';

const paths: ReadonlySet<string> = new Set(Object.values(oauthPaths));

const always = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Of what a refused client still sends, and no longer than a second: many hear no answer before they have sent it all. */
const restBytes = 2 * 1024 * 1024;
const restMs = 1_000;

export interface OauthSite {
  app: App;
  networkOf: NetworkOf;
  /** The longest that a request may run. */
  maxTimeoutMs: number;
}

/** Answers the paths of `oauthPaths`, and leaves the rest to `handler`. What answers is loaded with the first request. */
export function serveOauth(site: OauthSite, handler: NodeHandler): NodeHandler {
  return (request, response) => {
    const path = pathOf(request);
    if (!paths.has(path)) return handler(request, response);
    void answer(site, request, path).then((told) => send(request, response, told));
  };
}

async function answer({ app, networkOf, maxTimeoutMs }: OauthSite, request: NodeRequest, path: string): Promise<Answer> {
  const id = randomUUID();
  const { answerSafely } = await import('./routes.ts');
  const asking = { app, now: app.clock(), network: networkOf(request) };
  const told = await answerSafely({ asking, request, path, id, maximumMs: maxTimeoutMs });
  app.log.debug({ request: id, path, method: request.method, status: told.status }, 'oauth');
  return told;
}

async function send(request: NodeRequest, response: NodeResponse, { status, body, headers }: Answer): Promise<void> {
  await readToTheEnd(request, restBytes, restMs);
  const closing = !request.complete && request.httpVersionMajor === 1 ? { connection: 'close' } : {};
  const text = body ? JSON.stringify(body) : '';
  response.writeHead(status, { ...always, ...headers, ...closing, 'content-length': Buffer.byteLength(text) });
  if (request.method === 'HEAD') response.end();
  else response.end(text);
}
