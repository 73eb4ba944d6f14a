import type { connectNodeAdapter } from '@connectrpc/connect-node';

/** Answers one request of HTTP/1.1 or HTTP/2; what the Connect adapter is, and what stands in front of it. */
export type NodeHandler = ReturnType<typeof connectNodeAdapter>;
export type NodeRequest = Parameters<NodeHandler>[0];
export type NodeResponse = Parameters<NodeHandler>[1];

/** The path of a request, without its query. */
export const pathOf = (request: NodeRequest): string => request.url?.split('?', 1)[0] ?? '';

/**
 * Turns away what makes no URL (400). The Connect adapter builds one from path and authority and throws if it cannot:
 * one request with the host "[" would end the process. HTTP/1.0 knows no host; there it gets one.
 */
export const guardUrl =
  (handler: NodeHandler): NodeHandler =>
  (request, response) => {
    if (!('authority' in request)) request.headers.host ??= 'localhost';
    const authority = 'authority' in request ? request.authority : request.headers.host;
    if (authority !== undefined && URL.canParse(request.url ?? '', `http://${authority}`)) return handler(request, response);
    response.writeHead(400);
    response.end();
  };
