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
import { type NodeHandler, pathOf } from './handler.ts';
import { type NetworkOf, networkKey } from './network.ts';

type Answer = Parameters<typeof universalResponseToNodeResponse>[0];

export interface AdapterOptions extends ConnectRouterOptions {
  networkOf: NetworkOf;
  log: Logger;
}

/** Connect's routes as a handler of Node's servers. What no route takes is answered 404. */
export function adapt(routes: (router: ConnectRouter) => void, { networkOf, log, ...options }: AdapterOptions): NodeHandler {
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
    const values = createContextValues().set(networkKey, networkOf(request));
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => universalResponseToNodeResponse(withPlainMessage(answer), response))
      .catch((error: unknown) => {
        // Of a caller that hung up there is nothing to tell.
        if (ConnectError.from(error).code !== Code.Aborted)
          log.warn({ rpc: handler.requestPath, err: error }, 'an answer could not be sent');
      });
  };
}

const messageTrailer = 'grpc-message';

/**
 * Encodes grpc-message as the protocol says (PROTOCOL-HTTP2.md, "Percent-Byte-Unencoded"). Connect encodes more, which
 * grpc-js does not undo: people would read `user_id%3A`.
 */
function withPlainMessage(answer: Answer): Answer {
  const { body, trailer } = answer;
  return body && trailer ? { ...answer, body: plainMessageBehind(body, trailer) } : answer;
}

/** Trailers are complete once the body has ended. */
async function* plainMessageBehind(body: AsyncIterable<Uint8Array>, trailer: Headers) {
  yield* body;
  const message = trailer.get(messageTrailer);
  if (message) trailer.set(messageTrailer, percentEncoded(decodeURIComponent(message)));
}

const percentEncoded = (text: string) => text.replace(/[^ -$&-~]+/g, encodeURIComponent);
