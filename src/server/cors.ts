import { cors as connect } from '@connectrpc/connect';
import type { NodeHandler } from './handler.ts';

/** Beyond Connect's: those of REST and of avatars. */
const allowedMethods = [...connect.allowedMethods, 'PUT', 'PATCH', 'DELETE'].join(', ');
const allowedHeaders = [...connect.allowedHeaders, 'Authorization', 'Accept-Language', 'X-Zitadel-Orgid'].join(', ');
const exposedHeaders = [...connect.exposedHeaders, 'Deprecation', 'Link', 'Retry-After'].join(', ');

/** How long a browser may remember a preflight; Chromium takes no more than two hours. */
const maxAgeSeconds = 2 * 60 * 60;

/** What an answer to a request from an origin, if it names one, says of who may read it. */
export type CorsHeaders = (origin: string | undefined) => Record<string, string>;

/**
 * Lets scripts of these origins, and of no others, read answers (Fetch standard, CORS protocol). An origin is
 * `scheme://host[:port]`, compared as it is. Tokens travel in a header, so credentials are never allowed.
 * Throws on anything that no page has as its origin, `*` and `null` first of all.
 */
export function corsHeaders(origins: readonly string[]): CorsHeaders {
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin || origin === 'null');
  if (wrong !== undefined) throw new Error(`not an origin: "${wrong}"; write it like https://app.example.com`);
  const allowed = new Set(origins);
  const others: Record<string, string> = origins.length === 0 ? {} : { vary: 'Origin' };
  return (origin) => {
    if (origin === undefined || !allowed.has(origin)) return others;
    return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': exposedHeaders };
  };
}

/** Lets scripts of these origins call through Connect, gRPC-Web and REST; `corsHeaders` tells what an origin may be. */
export function cors(origins: readonly string[], handler: NodeHandler): NodeHandler {
  const headersFor = corsHeaders(origins);
  if (origins.length === 0) return handler;

  return (request, response) => {
    const headers = headersFor(request.headers.origin);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      return handler(request, response);
    }
    const allowed = headers['access-control-allow-origin'];
    response.setHeader('vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
    if (allowed !== undefined) {
      response.setHeader('access-control-allow-origin', allowed);
      response.setHeader('access-control-allow-methods', allowedMethods);
      response.setHeader('access-control-allow-headers', allowedHeaders);
      response.setHeader('access-control-max-age', maxAgeSeconds);
    }
    response.writeHead(204);
    response.end();
  };
}
