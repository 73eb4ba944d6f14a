// Owns: calls by HTTP's own means (google/api/http.proto): which method an address means, and the request that address and
// body make. Leaves everything from there on, gate to answer, to what serves the same methods as RPCs (server/unary).
import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectError } from '@connectrpc/connect';
import { failure } from '../../kernel/errors.ts';
import { makesUrl } from '../handler.ts';
import { answerTo, type Rules, servedBy } from '../unary/answer.ts';
import type { Answer, Exchange } from '../unary/exchange.ts';
import { type UnaryMethod, unaryMethods } from '../unary/methods.ts';
import { overHttp1 } from '../unary/overHttp1.ts';
import { overHttp2 } from '../unary/overHttp2.ts';
import type { UnaryOptions, UnaryServer } from '../unary/serve.ts';
import { type Binding, bindingsOf } from './bindings.ts';
import { contentType, refusal, restWith } from './protocol.ts';
import { requestOf } from './request.ts';
import { Routing } from './routing.ts';

/** Answers a call whose path had these segments. */
type Route = (exchange: Exchange, segments: readonly string[], query: string) => Promise<Answer>;

/** Takes everything below the words that the bindings' paths begin with, and leaves preflights to CORS. */
export function restServer({ routes, corsHeaders, log, ...rules }: UnaryOptions): UnaryServer {
  const routing = new Routing<Route>();
  for (const unary of unaryMethods(routes).values()) {
    for (const binding of bindingsOf(unary.method)) routing.add(binding, routeOf(binding, unary, rules));
  }
  const isOurs = (method: string, path: string, headers: IncomingHttpHeaders) =>
    routing.isBelow(path) && !(method === 'OPTIONS' && headers['access-control-request-method'] !== undefined);

  return {
    takesHttp1(request, response) {
      const { headers, method = '', url: path = '' } = request;
      if (!isOurs(method, path, headers) || !makesUrl(path, headers.host)) return false;
      answer(overHttp1(request, response, path, headers.host), method);
      return true;
    },

    takesHttp2(stream, headers) {
      const { ':method': method = '', ':path': path = '', ':authority': authority = headers.host } = headers;
      if (!isOurs(method, path, headers) || !makesUrl(path, authority)) return false;
      answer(overHttp2(stream, headers, path, authority), method);
      return true;
    },
  };

  function answer(exchange: Exchange, method: string): void {
    answerAt(routing, exchange, method)
      .then(({ status, headers, body }) => {
        const all = { ...corsHeaders(exchange.headers.origin), ...headers };
        exchange.send({ status, headers: all, body: method === 'HEAD' ? undefined : body });
      })
      .catch((error: unknown) => {
        // Without the address, whose query may hold a session's token.
        log.warn({ err: error }, 'an answer could not be sent');
        exchange.destroy();
      });
  }
}

function routeOf(binding: Binding, unary: UnaryMethod, rules: Rules): Route {
  const served = servedBy(unary, rules);
  const { serialization } = served;
  const protocol = restWith(binding.status);
  return (exchange, segments, query) => {
    const parse = (body: Uint8Array) => requestOf({ binding, segments, query }, body);
    const input = { ...serialization.getI(false), parse };
    const own = { ...served, serialization: { getI: () => input, getO: serialization.getO } };
    return answerTo(exchange, { protocol, binary: false, contentType, unary: own }, rules);
  };
}

/** HEAD is answered as GET is; what has no route is told so without a look at who asks. */
async function answerAt(routing: Routing<Route>, exchange: Exchange, method: string): Promise<Answer> {
  const [path = '', ...query] = exchange.path.split('?');
  const found = placeOf(routing, method === 'HEAD' ? 'GET' : method, path);
  if (!found) return refused(failure('REQUEST_UNREADABLE', { metadata: { problem: 'the path is not percent-encoded UTF-8' } }));
  if ('route' in found) return found.route(exchange, found.segments, query.join('?'));
  if (found.allowed.length === 0) return refused(failure('PATH_UNKNOWN'));
  const allow = [...found.allowed, ...(found.allowed.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  if (method === 'OPTIONS') return { status: 204, headers: { allow }, body: undefined };
  const { headers, body } = await refused(failure('METHOD_NOT_ALLOWED', { metadata: { allow } }));
  return { status: 405, headers: { ...headers, allow }, body };
}

const refused = (error: ConnectError) => refusal(error, null);

function placeOf(routing: Routing<Route>, verb: string, path: string): ReturnType<Routing<Route>['find']> | undefined {
  try {
    return routing.find(verb, path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
