// Owns: the pages that links in messages lead to. They show forms, and pass on what people type to the same service
// functions as the RPCs. Looking at a page changes nothing: mail scanners open every link.
import { randomUUID } from 'node:crypto';
import type { App } from '../kernel/call.ts';
import { toFailure } from '../server/faults.ts';
import { type NodeHandler, type NodeRequest, type NodeResponse, pathOf } from '../server/handler.ts';
import type { NetworkOf } from '../server/network.ts';
import { UnreadableBody } from './body.ts';
import { pagePolicy } from './policy.ts';
import { answer, routeAt } from './routes.ts';
import { type Answer, visitOf } from './visit.ts';

/** Everything below them is answered here, and what stands at a path of its own. */
const roots = ['/ui/', '/idps/'];
const isOurs = (path: string): boolean => roots.some((root) => path.startsWith(root)) || routeAt(path) !== undefined;

/** Nothing to load, nothing to run, no frame around it, no word to anybody about the address, which holds the code. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pagePolicy,
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
  vary: 'accept-language',
};

/** Answers everything under `/ui/` and `/idps/`, `/docs` and `/openapi.json`, and leaves the rest to `handler`. No answer repeats what a request says of its host. */
export function servePages(app: App, networkOf: NetworkOf, handler: NodeHandler): NodeHandler {
  return (request, response) => {
    if (!isOurs(pathOf(request))) return handler(request, response);
    void answerSafely(app, networkOf, request).then((told) => send(request, response, told));
  };
}

async function answerSafely(app: App, networkOf: NetworkOf, request: NodeRequest): Promise<Answer> {
  const id = randomUUID();
  try {
    const told = await answer(visitOf(app, request, id, networkOf(request)));
    const page = routeAt(pathOf(request))?.name;
    app.log.debug({ request: id, page, method: request.method, status: told.status }, 'page');
    return told;
  } catch (error) {
    if (error instanceof UnreadableBody) return { status: error.status };
    toFailure(error, id, app.log);
    return { status: 500 };
  }
}

function send(request: NodeRequest, response: NodeResponse, { status, body = '', headers: more = {} }: Answer): void {
  // What was not read of an HTTP/1.1 request would be taken for the next one's beginning; HTTP/2 knows no such header.
  const closing = !request.complete && request.httpVersionMajor === 1 ? { connection: 'close' } : {};
  // The length of an answer that says "as before" would be that of the one before.
  const length = status === 304 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...more, ...closing, ...length });
  if (request.method === 'HEAD') response.end();
  else response.end(body);
}
