import { randomUUID } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import { Code, type ConnectError, type ContextValues, createContextKey, type Interceptor } from '@connectrpc/connect';
import type { App } from '../kernel/call.ts';
import { findCall } from '../kernel/context.ts';
import { toFailure } from './faults.ts';

const requestKey = createContextKey<string | undefined>(undefined, { description: 'request id' });

/** The id that ties an answer to the log. Made here, never taken from the request. */
export function requestIdOf({ values }: { values: ContextValues }): string {
  const known = values.get(requestKey);
  if (known) return known;
  const id = randomUUID();
  values.set(requestKey, id);
  return id;
}

const nameOf = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;

/** The line of a call that was refused before its body was read. */
export const logRefusal = (app: App, method: DescMethod, request: string, { code }: ConnectError): void =>
  app.log.debug({ request, rpc: nameOf(method), code: Code[code] }, 'call refused');

/** One line for each call: what, who, how it ended, how long it took. Never the message, never the headers. */
export const log =
  (app: App): Interceptor =>
  (next) =>
  async (req) => {
    const carrier = { values: req.contextValues };
    const isTold = app.log.isLevelEnabled('debug');
    const started = isTold ? performance.now() : 0;
    const write = (code: string) => {
      if (!isTold) return;
      const caller = findCall(carrier)?.caller.id;
      const ms = Math.round((performance.now() - started) * 10) / 10;
      app.log.debug({ request: requestIdOf(carrier), rpc: nameOf(req.method), caller, code, ms }, 'call');
    };
    try {
      const response = await next(req);
      write('ok');
      return response;
    } catch (error) {
      const failed = toFailure(error, requestIdOf(carrier), app.log);
      write(Code[failed.code] ?? 'unknown');
      throw failed;
    }
  };
