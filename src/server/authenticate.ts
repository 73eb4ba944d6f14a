import type { DescMethod } from '@bufbuild/protobuf';
import type { ContextValues, HandlerContext, Interceptor } from '@connectrpc/connect';
import type { Access } from '../kernel/auth/access.ts';
import { authenticateSession, isSessionToken } from '../kernel/auth/sessionTokens.ts';
import { authenticateTogether } from '../kernel/auth/together.ts';
import { type Authenticated, authenticate, tokenHash } from '../kernel/auth/tokens.ts';
import type { App, Call } from '../kernel/call.ts';
import { setCall } from '../kernel/context.ts';
import { failure } from '../kernel/errors.ts';
import { accessOf } from './access.ts';
import { toFailure } from './faults.ts';
import { logRefusal, requestIdOf } from './log.ts';
import { networkKey } from './network.ts';

const bearer = /^Bearer +(\S+)$/i;

function tokenOf(header: Headers): string {
  const token = bearer.exec(header.get('authorization') ?? '')?.[1];
  if (!token) throw failure('UNAUTHENTICATED');
  return token;
}

function declared(method: DescMethod): Access {
  const access = accessOf(method);
  if (!access) throw failure('NOT_IMPLEMENTED');
  return access;
}

/** Refuses a call before its body is read: no token, a bad one, or a method that is not served. */
export const authenticateBeforeBody = (app: App) => async (context: HandlerContext) => {
  try {
    const access = declared(context.method);
    if (access.on === 'nothing') return;
    const token = tokenOf(context.requestHeader);
    // This one waits for the body: the statement that authenticates loads the user that the body names.
    if (access.on === 'user' && access.loaded) return;
    setCall(context, callFor(app, access, context, await find(app, context, token)));
  } catch (error) {
    const request = requestIdOf(context);
    const failed = toFailure(error, request, app.log);
    logRefusal(app, context.method, request, failed);
    throw failed;
  }
};

/** Authenticates the calls whose body names the user to load. */
export const authenticateWithSubject =
  (app: App): Interceptor =>
  (next) =>
  async (req) => {
    const access = declared(req.method);
    if (access.on === 'user' && access.loaded && !req.stream) {
      const userId = 'userId' in req.message && typeof req.message.userId === 'string' ? req.message.userId : '';
      const carrier = { values: req.contextValues };
      setCall(carrier, callFor(app, access, carrier, await find(app, carrier, tokenOf(req.header), userId)));
    }
    return next(req);
  };

interface Carrier {
  values: ContextValues;
}

type Found = Authenticated & { now: Date };

/**
 * UNAUTHENTICATED for a token that is not valid; TRIED_TOO_OFTEN when the network has tried too many of those. A valid one
 * is never kept waiting: only what was wrong is counted.
 */
async function find(app: App, { values }: Carrier, token: string, subject?: string): Promise<Found> {
  const now = app.clock();
  // A text that Postgres cannot hold names nobody; validation tells so once the caller is known.
  const known = subject?.includes('\0') ? undefined : subject;
  const found = await foundBy(app, token, now, known);
  if (found) return { ...found, now };
  app.tryLimits.take(values.get(networkKey), now);
  throw failure('UNAUTHENTICATED');
}

function foundBy(app: App, token: string, now: Date, subject: string | undefined): Promise<Authenticated | undefined> {
  const hash = tokenHash(app.keys, token);
  if (isSessionToken(token)) return authenticateSession(app, hash, now, subject);
  return subject === undefined ? authenticate(app.db, hash, now) : authenticateTogether(app.db, hash, now, subject);
}

function callFor(app: App, access: Access, { values }: Carrier, { caller, subject, now }: Found): Call {
  return { ...app, caller, access, now, organizationId: caller.organizationId, subject, network: values.get(networkKey) };
}
