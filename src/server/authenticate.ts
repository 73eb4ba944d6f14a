import type { DescMethod } from '@bufbuild/protobuf';
import type { ContextValues, HandlerContext, Interceptor } from '@connectrpc/connect';
import type { Access } from '../kernel/auth/access.ts';
import { type Authenticated, authenticate } from '../kernel/auth/authenticate.ts';
import type { App, Call } from '../kernel/call.ts';
import { setCall } from '../kernel/context.ts';
import { failure } from '../kernel/errors.ts';
import { accessOf } from './access.ts';
import { toFailure } from './faults.ts';
import { logRefusal, requestIdOf } from './log.ts';
import { headKey } from './network.ts';
import type { UnaryContext } from './unary/context.ts';

const bearer = /^Bearer +(\S+)$/i;

function tokenOf(authorization: string | undefined): string {
  const token = bearer.exec(authorization ?? '')?.[1];
  if (!token) throw failure('UNAUTHENTICATED');
  return token;
}

function declared(method: DescMethod): Access {
  const access = accessOf(method);
  if (!access) throw failure('NOT_IMPLEMENTED');
  return access;
}

/** Refuses a call before its body is read: no token, or a bad one. */
export const authenticateBeforeBody = (app: App) => async (context: HandlerContext) => {
  try {
    const access = declared(context.method);
    if (access.on === 'nothing') return;
    const { network, authorization } = headIn(context);
    const token = tokenOf(authorization);
    setCall(context, callFor(app, access, network, await find(app, network, token)));
  } catch (error) {
    const request = requestIdOf(context);
    const failed = toFailure(error, request, app.log);
    logRefusal(app, context.method, request, failed);
    throw failed;
  }
};

/**
 * The same on the lean path, where a body that names the user to load is begun with: one statement finds him and the caller.
 * Of a stranger no more than a little of it is read.
 */
export const authenticateBeforeLargeBody = (app: App) => {
  const gate = authenticateBeforeBody(app);
  return async (context: UnaryContext): Promise<void> => {
    const waits = loadsUser(accessOf(context.method)) && bearer.test(headIn(context).authorization ?? '');
    if (!waits) return gate(context);
    context.beforeMore = () => gate(context);
  };
};

const loadsUser = (access: Access | undefined): boolean => access?.on === 'user' && access.loaded === true;

/** Authenticates the calls whose body names the user to load, also those that a gate has let pass. */
export const authenticateWithSubject =
  (app: App): Interceptor =>
  (next) =>
  async (req) => {
    const access = declared(req.method);
    if (loadsUser(access) && !req.stream) {
      const userId = 'userId' in req.message && typeof req.message.userId === 'string' ? req.message.userId : '';
      const carrier = { values: req.contextValues };
      const { network, authorization } = headIn(carrier);
      setCall(carrier, callFor(app, access, network, await find(app, network, tokenOf(authorization), userId)));
    }
    return next(req);
  };

/** The call of a request that is no RPC. UNAUTHENTICATED, TRIED_TOO_OFTEN. */
export async function authenticateRequest(
  app: App,
  access: Access,
  authorization: string | undefined,
  network: string,
): Promise<Call> {
  return callFor(app, access, network, await find(app, network, tokenOf(authorization)));
}

function headIn({ values }: { values: ContextValues }) {
  const head = values.get(headKey);
  if (!head) throw new Error('a request came without its head');
  return head;
}

type Found = Authenticated & { now: Date };

/**
 * UNAUTHENTICATED for a token that is not valid; TRIED_TOO_OFTEN when the network has tried too many of those. A valid one
 * is never kept waiting: only what was wrong is counted.
 */
async function find(app: App, network: string | undefined, token: string, subject?: string): Promise<Found> {
  const now = app.clock();
  // A text that Postgres cannot hold names nobody; validation tells so once the caller is known.
  const known = subject?.includes('\0') ? undefined : subject;
  const found = await authenticate(app, { token, time: now, subject: known });
  if (found) return { ...found, now };
  app.tryLimits.take(network, now);
  throw failure('UNAUTHENTICATED');
}

function callFor(app: App, access: Access, network: string | undefined, { caller, subject, now }: Found): Call {
  return { ...app, caller, access, now, organizationId: caller.organizationId, subject, network };
}
