import type { ConnectRouter, HandlerContext, Interceptor } from '@connectrpc/connect';
import type { App } from '../kernel/call.ts';
import { adapt } from './adapter.ts';
import { authenticateBeforeBody, authenticateBeforeLargeBody, authenticateWithSubject } from './authenticate.ts';
import type { CorsHeaders } from './cors.ts';
import { deadline } from './deadline.ts';
import { log } from './log.ts';
import type { NetworkOf } from './network.ts';
import { checkDeclaredAccess } from './organization.ts';
import { explain, explainProtocolErrors } from './protocolErrors.ts';
import { restServer } from './rest/serve.ts';
import { type UnaryServer, unaryServer } from './unary/serve.ts';
import { validate } from './validate.ts';

export interface RpcOptions {
  routes: (router: ConnectRouter) => void;
  networkOf: NetworkOf;
  deprecation: Interceptor;
  corsHeaders: CorsHeaders;
  /** Largest message in bytes, after decompression. */
  maxMessageBytes: number;
  /** The longest that any call may take. */
  maxTimeoutMs: number;
}

/**
 * What serves the RPCs: usual unary calls and those of REST on the lean path, everything else through Connect. All with what
 * holds for all of them: who asks, may he, is the request sound, how did it end.
 */
export function serveRpcs(app: App, { routes, networkOf, deprecation, corsHeaders, maxMessageBytes, maxTimeoutMs }: RpcOptions) {
  const gate = authenticateBeforeBody(app);
  const common = {
    interceptors: [deprecation, log(app), deadline(maxTimeoutMs), authenticateWithSubject(app), checkDeclaredAccess, validate],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxResponseBytes,
    networkOf,
    log: app.log,
  };
  const requestGate = (context: HandlerContext) => {
    explainProtocolErrors(context);
    return gate(context);
  };
  const lean = { ...common, routes, gate: authenticateBeforeLargeBody(app), explain, corsHeaders, maxTimeoutMs };
  return {
    unary: firstOf(unaryServer(lean), restServer(lean)),
    handler: adapt(routes, { ...common, bodyMs: maxTimeoutMs, requestGate }),
  };
}

/** What the first one does not take, the second one is asked for. */
const firstOf = (first: UnaryServer, second: UnaryServer): UnaryServer => ({
  takesHttp1: (request, response) => first.takesHttp1(request, response) || second.takesHttp1(request, response),
  takesHttp2: (stream, headers) => first.takesHttp2(stream, headers) || second.takesHttp2(stream, headers),
});

/** A page of a thousand users with the largest fields stays below it. */
const maxResponseBytes = 64 * 1024 * 1024;
