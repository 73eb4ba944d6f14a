import type { connectNodeAdapter } from '@connectrpc/connect-node';
import type { UnaryServer } from './unary/serve.ts';

/** Answers one request of HTTP/1.1 or HTTP/2; what the Connect adapter is, and what stands in front of it. */
export type NodeHandler = ReturnType<typeof connectNodeAdapter>;
export type NodeRequest = Parameters<NodeHandler>[0];
export type NodeResponse = Parameters<NodeHandler>[1];

/** What the two sides of the port hand requests to: the lean path first, if there is one. */
export interface Handlers {
  handler: NodeHandler;
  unary: UnaryServer | undefined;
}

/** The path of a request, without its query. */
export const pathOf = (request: NodeRequest): string => request.url?.split('?', 1)[0] ?? '';

/** Whether a request's path and authority make a URL, which Connect builds of them, and throws where it cannot. */
export const makesUrl = (path: string, authority: string | undefined): authority is string =>
  authority !== undefined && URL.canParse(path, `http://${authority}`);

/**
 * Turns away what makes no URL (400): one request with the host "[" would end the process. HTTP/1.0 knows no host; there
 * it gets one.
 */
export const guardUrl =
  (handler: NodeHandler): NodeHandler =>
  (request, response) => {
    if (!('authority' in request)) request.headers.host ??= 'localhost';
    const authority = 'authority' in request ? request.authority : request.headers.host;
    if (makesUrl(request.url ?? '', authority)) return handler(request, response);
    response.writeHead(400);
    response.end();
  };
