import type { ConnectRouter, HandlerContext, Interceptor } from '@connectrpc/connect';
import type { App } from '../kernel/call.ts';
import { adapt } from './adapter.ts';
import { authenticateBeforeBody, authenticateWithSubject } from './authenticate.ts';
import { deadline } from './faults.ts';
import { log } from './log.ts';
import type { NetworkOf } from './network.ts';
import { checkDeclaredAccess } from './organization.ts';
import { explainProtocolErrors } from './protocolErrors.ts';
import { validate } from './validate.ts';

export interface RpcOptions {
  routes: (router: ConnectRouter) => void;
  networkOf: NetworkOf;
  deprecation: Interceptor;
  /** Largest message in bytes, after decompression. */
  maxMessageBytes: number;
  /** The longest that any call may take. */
  maxTimeoutMs: number;
}

/** The node handler of every RPC, with what holds for all of them: who asks, may he, is the request sound, how did it end. */
export function rpcHandler(app: App, { routes, networkOf, deprecation, maxMessageBytes, maxTimeoutMs }: RpcOptions) {
  const authenticate = authenticateBeforeBody(app);
  const options = {
    requestGate: (context: HandlerContext) => {
      explainProtocolErrors(context);
      return authenticate(context);
    },
    interceptors: [deprecation, log(app), deadline(maxTimeoutMs), authenticateWithSubject(app), checkDeclaredAccess, validate],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxResponseBytes,
  };
  return adapt(routes, { ...options, networkOf, log: app.log });
}

/** A page of a thousand users with the largest fields stays below it. */
const maxResponseBytes = 64 * 1024 * 1024;
