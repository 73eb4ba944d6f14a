import { cors as connect } from '@connectrpc/connect';
import type { NodeHandler } from './handler.ts';

/** PUT and DELETE are for avatars. */
const allowedMethods = [...connect.allowedMethods, 'PUT', 'DELETE'].join(', ');
const allowedHeaders = [...connect.allowedHeaders, 'Authorization', 'Accept-Language', 'X-Zitadel-Orgid'].join(', ');
const exposedHeaders = [...connect.exposedHeaders, 'Deprecation', 'Link'].join(', ');

/** How long a browser may remember a preflight; Chromium takes no more than two hours. */
const maxAgeSeconds = 2 * 60 * 60;

/**
 * Lets scripts of these origins, and of no others, call through Connect and gRPC-Web (Fetch standard, CORS protocol). An
 * origin is `scheme://host[:port]`, compared as it is. Tokens travel in a header, so credentials are never allowed.
 * Throws on anything that no page has as its origin, `*` and `null` first of all.
 */
export function cors(origins: readonly string[], handler: NodeHandler): NodeHandler {
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin || origin === 'null');
  if (wrong !== undefined) throw new Error(`not an origin: "${wrong}"; write it like https://app.example.com`);
  if (origins.length === 0) return handler;
  const allowed = new Set(origins);

  return (request, response) => {
    const { origin } = request.headers;
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    response.setHeader('vary', isPreflight ? 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' : 'Origin');
    if (origin !== undefined && allowed.has(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      if (!isPreflight) response.setHeader('access-control-expose-headers', exposedHeaders);
    }
    if (!isPreflight) return handler(request, response);
    if (response.hasHeader('access-control-allow-origin')) {
      response.setHeader('access-control-allow-methods', allowedMethods);
      response.setHeader('access-control-allow-headers', allowedHeaders);
      response.setHeader('access-control-max-age', maxAgeSeconds);
    }
    response.writeHead(204);
    response.end();
  };
}
