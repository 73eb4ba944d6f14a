// The login backend over HTTP: it serves the page, and lets nobody but that page sign people in.
import type { IncomingMessage, RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { Code } from '@connectrpc/connect';
import type { File } from './bundle.ts';
import { isOver, refusalOf } from './refusal.ts';
import { actions, connect, NotSignedIn, type Session } from './signIn.ts';

export interface Options {
  rosterUrl: string;
  serviceToken: string;
  /** Where the page is: scheme, host and port. */
  origin: string;
  /** What the page consists of, by path. */
  files: ReadonlyMap<string, File>;
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export function loginBackend({ rosterUrl, serviceToken, origin, files }: Options): RequestListener {
  const { hostname, protocol } = new URL(origin);
  const roster = connect(rosterUrl, serviceToken, hostname);
  // Out of reach for scripts, and sent by no other site's pages. The browser forgets it when it is closed.
  const attributes = `Path=/sign-in; HttpOnly; SameSite=Strict${protocol === 'https:' ? '; Secure' : ''}`;
  const headers = {
    // Only our own script runs, it speaks to Roster and to us alone, and nobody can frame the page.
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${rosterUrl}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };

  function reply(status: number, told: object | null, session?: Session): Answer {
    const cookie = session ? `login=${session.sessionId}.${session.sessionToken}` : 'login=; Max-Age=0';
    const set = status === 200 || status === 401 ? { 'set-cookie': `${cookie}; ${attributes}` } : {};
    return { status, headers: { 'content-type': 'application/json', ...set }, body: JSON.stringify(told) };
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { url = '', method, headers } = request;
    const file = files.get(url);
    if (method === 'GET' && file) return { status: 200, headers: { 'content-type': file.type }, body: file.body };
    const action = actions.get(url.replace('/sign-in/', ''));
    if (method !== 'POST' || !action) return { status: 404 };
    // Browsers say truly which page a POST comes from, and send JSON to another site only if that one allows it (CORS).
    const fromPage = headers.origin === origin && headers['content-type'] === 'application/json';
    if (!fromPage) return reply(403, { problem: 'Only the page itself may ask this.' });
    try {
      const { told, session } = await action.run(roster, await bodyOf(request), sessionIn(headers.cookie));
      return reply(200, told, session);
    } catch (error) {
      const { status, problem } = problemOf(error, action.refused);
      return reply(status, { problem });
    }
  }

  return async (request, response) => {
    const { status, headers: own, body } = await answer(request);
    response.writeHead(status, { ...headers, ...own }).end(body);
  };
}

/** Bytes. What an authenticator signs is the most, and far below. */
const largest = 64 * 1024;

async function bodyOf(request: IncomingMessage): Promise<Record<string, string>> {
  if (!(Number(request.headers['content-length']) <= largest)) throw new SyntaxError('too large, or of unknown size');
  const body: object = { ...JSON.parse(await text(request)) };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string'));
}

function sessionIn(cookie = ''): Session | undefined {
  const [, sessionId, sessionToken] = /(?:^|; )login=(\d+)\.([\w-]+)/.exec(cookie) ?? [];
  return sessionId && sessionToken ? { sessionId, sessionToken } : undefined;
}

function problemOf(error: unknown, refused: string): { status: number; problem: string } {
  if (error instanceof NotSignedIn || isOver(error)) return { status: 401, problem: 'Your session has ended. Sign in again.' };
  if (error instanceof SyntaxError) return { status: 400, problem: 'This request makes no sense.' };
  const { code, waitSeconds = 1 } = refusalOf(error) ?? {};
  switch (code) {
    case Code.ResourceExhausted:
      return { status: 429, problem: `There were too many tries. Try again in ${waitSeconds} s.` };
    case Code.InvalidArgument:
    case Code.NotFound:
    case Code.FailedPrecondition:
      return { status: 422, problem: refused };
  }
  // Roster is away, or refuses the service token: nothing that the person could do anything about.
  console.error(error);
  return { status: 502, problem: 'Signing in does not work right now. Try again later.' };
}
