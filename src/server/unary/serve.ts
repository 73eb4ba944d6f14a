// Owns: unary calls from the request's head to the answer, without what Connect's adapter makes for each of them (web
// requests, async iterables, linked abort controllers). Leaves to Connect what `choose` does not take, and what a call
// means to the gate, interceptors and handlers that both have.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ConnectRouter } from '@connectrpc/connect';
import type { Logger } from 'pino';
import type { CorsHeaders } from '../cors.ts';
import { makesUrl } from '../handler.ts';
import { answerTo, type Rules, servedBy } from './answer.ts';
import { choose } from './choose.ts';
import type { Exchange } from './exchange.ts';
import { unaryMethods } from './methods.ts';
import { overHttp1 } from './overHttp1.ts';
import { overHttp2 } from './overHttp2.ts';

export interface UnaryOptions extends Rules {
  routes: (router: ConnectRouter) => void;
  corsHeaders: CorsHeaders;
  log: Logger;
}

/** Takes requests as they arrive. False: this one is not for the lean path, and nothing has been done with it. */
export interface UnaryServer {
  takesHttp1(request: IncomingMessage, response: ServerResponse): boolean;
  takesHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean;
}

export function unaryServer({ routes, corsHeaders, log, ...rules }: UnaryOptions): UnaryServer {
  /** What nearly all requests bring is not looked at again. The path is a method's. */
  let knownAuthority = '';
  const makesUrlWith = (authority: string | undefined): authority is string => {
    if (authority !== undefined && authority === knownAuthority) return true;
    const makes = makesUrl('/', authority);
    if (makes) knownAuthority = authority;
    return makes;
  };
  const methods = new Map([...unaryMethods(routes)].map(([path, unary]) => [path, servedBy(unary, rules)]));

  return {
    takesHttp1(request, response) {
      const { method, headers, url: path = '' } = request;
      const chosen = choose(methods, { httpVersion: 1, method, path, headers });
      if (!chosen || !makesUrlWith(headers.host)) return false;
      answer(overHttp1(request, response, path, headers.host), chosen);
      return true;
    },

    takesHttp2(stream, headers) {
      const { ':method': method, ':path': path = '', ':authority': authority = headers.host } = headers;
      const chosen = choose(methods, { httpVersion: 2, method, path, headers });
      if (!chosen || !makesUrlWith(authority)) return false;
      answer(overHttp2(stream, headers, path, authority), chosen);
      return true;
    },
  };

  function answer(exchange: Exchange, chosen: Parameters<typeof answerTo>[1]): void {
    answerTo(exchange, chosen, rules)
      .then((answer) => exchange.send({ ...answer, headers: { ...corsHeaders(exchange.headers.origin), ...answer.headers } }))
      .catch((error: unknown) => {
        log.warn({ rpc: exchange.path, err: error }, 'an answer could not be sent');
        exchange.destroy();
      });
  }
}
