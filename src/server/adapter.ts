import { constants } from 'node:http2';
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
} from '@connectrpc/connect';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { Logger } from 'pino';
import { plainMessage } from './grpcMessage.ts';
import { type NodeHandler, type NodeRequest, type NodeResponse, pathOf } from './handler.ts';
import { headKey, type NetworkOf } from './network.ts';

type Answer = Parameters<typeof universalResponseToNodeResponse>[0];

export interface AdapterOptions extends ConnectRouterOptions {
  networkOf: NetworkOf;
  /** Milliseconds for the body of a unary request to come. */
  bodyMs: number;
  log: Logger;
}

/** Connect's routes as a handler of Node's servers. What no route takes is answered 404. */
export function adapt(
  routes: (router: ConnectRouter) => void,
  { networkOf, bodyMs, log, ...options }: AdapterOptions,
): NodeHandler {
  const router = createConnectRouter({ acceptCompression: [compressionGzip, compressionBrotli], ...options });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  return (request, response) => {
    const handler = handlers.get(pathOf(request));
    if (!handler) {
      response.writeHead(404);
      response.end();
      return;
    }
    const values = createContextValues().set(headKey, {
      network: networkOf(request),
      authorization: request.headers.authorization,
    });
    if (handler.method.methodKind === 'unary') awaitBody(request, response, bodyMs);
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => universalResponseToNodeResponse(withPlainMessage(answer), response))
      .catch((error: unknown) => {
        // Of a caller that hung up there is nothing to tell.
        if (ConnectError.from(error).code !== Code.Aborted)
          log.warn({ rpc: handler.requestPath, err: error }, 'an answer could not be sent');
      });
  };
}

/** Ends a stream of HTTP/2 whose request does not end in time; of HTTP/1.1 the server sees to that itself. */
function awaitBody(request: NodeRequest, response: NodeResponse, bodyMs: number): void {
  if (!('stream' in response)) return;
  const timer = setTimeout(() => response.stream.close(constants.NGHTTP2_CANCEL), bodyMs);
  for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
}

/** With its message as callers understand it (grpcMessage.ts). */
function withPlainMessage(answer: Answer): Answer {
  const { body, trailer } = answer;
  return body && trailer ? { ...answer, body: plainMessageBehind(body, trailer) } : answer;
}

/** Trailers are complete once the body has ended. */
async function* plainMessageBehind(body: AsyncIterable<Uint8Array>, trailer: Headers) {
  yield* body;
  plainMessage(trailer);
}
