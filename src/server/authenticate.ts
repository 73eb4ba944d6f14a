import type { DescMethod } from '@bufbuild/protobuf';
import type { ContextValues, HandlerContext, Interceptor } from '@connectrpc/connect';
import type { Access } from '../kernel/auth/access.ts';
import { byAccessToken, isAccessToken, isJwt } from '../kernel/auth/accessTokens.ts';
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

function tokenOf(authorization: string | null | undefined): string {
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
    const token = tokenOf(context.requestHeader.get('authorization'));
    // This one waits for the body: the statement that authenticates loads the user that the body names.
    if (access.on === 'user' && access.loaded) return;
    setCall(context, callFor(app, access, networkIn(context), await find(app, networkIn(context), token)));
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
      const network = networkIn(carrier);
      const token = tokenOf(req.header.get('authorization'));
      setCall(carrier, callFor(app, access, network, await find(app, network, token, userId)));
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

const networkIn = ({ values }: { values: ContextValues }): string | undefined => values.get(networkKey);

type Found = Authenticated & { now: Date };

/**
 * UNAUTHENTICATED for a token that is not valid; TRIED_TOO_OFTEN when the network has tried too many of those. A valid one
 * is never kept waiting: only what was wrong is counted.
 */
async function find(app: App, network: string | undefined, token: string, subject?: string): Promise<Found> {
  const now = app.clock();
  // A text that Postgres cannot hold names nobody; validation tells so once the caller is known.
  const known = subject?.includes('\0') ? undefined : subject;
  const found = await foundBy(app, token, now, known);
  if (found) return { ...found, now };
  app.tryLimits.take(network, now);
  throw failure('UNAUTHENTICATED');
}

async function foundBy(app: App, token: string, now: Date, subject: string | undefined): Promise<Authenticated | undefined> {
  if (isJwt(token)) return (await import('../kernel/auth/jwtCallers.ts')).authenticateJwt(app, token, now, subject);
  const hash = tokenHash(app.keys, token);
  if (isSessionToken(token)) return authenticateSession(app, hash, now, subject);
  if (isAccessToken(token)) return authenticateTogether(app.db, hash, now, subject ?? '', byAccessToken);
  return subject === undefined ? authenticate(app.db, hash, now) : authenticateTogether(app.db, hash, now, subject);
}

function callFor(app: App, access: Access, network: string | undefined, { caller, subject, now }: Found): Call {
  return { ...app, caller, access, now, organizationId: caller.organizationId, subject, network };
}
