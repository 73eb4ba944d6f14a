import type { DescMethod } from '@bufbuild/protobuf';
import { ConnectError, type Interceptor } from '@connectrpc/connect';
import type { App } from '../kernel/call.ts';
import { findCall } from '../kernel/context.ts';
import { deprecatedSince, successorOf } from './successors.ts';

/** Callers told of in a day at most, so that nobody fills memory and log. */
const maximumTold = 10_000;
const dayMs = 24 * 60 * 60 * 1000;

type Next = Parameters<Interceptor>[0];
type Request = Parameters<Next>[0];

export interface Deprecation {
  /** Stands around what turns errors into those that callers see. */
  interceptor: Interceptor;
  /** Calls of each deprecated method since the process started, by `package.Service/Method`. */
  counts: ReadonlyMap<string, number>;
}

/**
 * Announces to callers that a method will go, and what takes its place (RFC 9745 section 2, RFC 8288), and tells the operator
 * who still calls it: one line a day for each method and caller.
 */
export function announceDeprecation({ log, clock }: Pick<App, 'log' | 'clock'>): Deprecation {
  const counts = new Map<string, number>();
  const told = new Set<string>();
  let day = 0;
  const note = (method: DescMethod, successor: DescMethod, caller: string | undefined) => {
    const rpc = nameOf(method);
    counts.set(rpc, (counts.get(rpc) ?? 0) + 1);
    const today = Math.floor(clock().getTime() / dayMs);
    if (today !== day) told.clear();
    day = today;
    const key = `${rpc} ${caller}`;
    if (told.has(key) || told.size === maximumTold) return;
    told.add(key);
    log.warn({ rpc, caller, successor: nameOf(successor) }, 'a deprecated method is called; told once a day');
  };
  const announced = async (next: Next, req: Request, successor: DescMethod) => {
    try {
      const response = await next(req);
      announce(response.header, successor);
      return response;
    } catch (error) {
      if (error instanceof ConnectError) announce(error.metadata, successor);
      throw error;
    } finally {
      note(req.method, successor, findCall({ values: req.contextValues })?.caller.id);
    }
  };
  const interceptor: Interceptor = (next) => (req) => {
    const successor = successorOf(req.method);
    return successor ? announced(next, req, successor.method) : next(req);
  };
  return { interceptor, counts };
}

function announce(headers: Headers, successor: DescMethod): void {
  headers.set('deprecation', `@${deprecatedSince}`);
  headers.set('link', `</${nameOf(successor)}>; rel="successor-version"`);
}

const nameOf = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;
