// Owns: avatars over HTTP. Leaves who may change one, and what is stored, to features/avatar.
import { randomUUID } from 'node:crypto';
import { codeToHttpStatus, errorToJson } from '@connectrpc/connect/protocol-connect';
import { avatarsPath } from '../../features/user/avatarUrl.ts';
import type { App } from '../../kernel/call.ts';
import { toldBy } from '../../kernel/errors.ts';
import { toFailure } from '../../server/faults.ts';
import { type NodeHandler, type NodeRequest, type NodeResponse, pathOf } from '../../server/handler.ts';
import type { NetworkOf } from '../../server/network.ts';
import { readToTheEnd } from '../body.ts';
import { show } from './pictures.ts';
import { remove, upload } from './uploads.ts';

/** Everything below it is answered here. */
const root = '/assets/v1/';
const userPath = /^\/assets\/v1\/users\/([^/]+)\/avatar$/;

export interface Site {
  app: App;
  networkOf: NetworkOf;
  /** Until the whole of an upload is there. */
  uploadMs: number;
}

export interface Answer {
  status: number;
  body?: string | Buffer;
  /** Beside those of every answer, or in their place. */
  headers?: Readonly<Record<string, string>>;
}

const always = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Answers what is below `/assets/v1/`, and leaves the rest to `handler`. */
export function serveAvatars(site: Site, handler: NodeHandler): NodeHandler {
  return (request, response) => {
    if (!pathOf(request).startsWith(root)) return handler(request, response);
    void answerSafely(site, request).then((told) => send(request, response, told));
  };
}

async function answerSafely(site: Site, request: NodeRequest): Promise<Answer> {
  const id = randomUUID();
  const told = await answer(site, request).catch((error: unknown) => refusal(site.app, error, id));
  site.app.log.debug({ request: id, method: request.method, status: told.status }, 'avatar');
  return told;
}

async function answer(site: Site, request: NodeRequest): Promise<Answer> {
  const path = pathOf(request);
  const { method } = request;
  if (path.startsWith(avatarsPath)) {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' } };
    return show(site, request, path.slice(avatarsPath.length));
  }
  const [, user] = userPath.exec(path) ?? [];
  if (user === undefined) return { status: 404 };
  if (method === 'PUT') return upload(site, request, idOf(user));
  if (method === 'DELETE') return remove(site, request, idOf(user));
  return { status: 405, headers: { allow: 'PUT, DELETE' } };
}

/** What no user can have as an id is one that does not exist. */
function idOf(segment: string): string {
  const id = decoded(segment);
  return id.length <= 200 && !id.includes('\0') ? id : '';
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}

/** Where the status of a code says too little. */
const statuses: Readonly<Record<string, number>> = {
  AVATAR_TOO_LARGE: 413,
  AVATAR_TYPE_UNSUPPORTED: 415,
  AVATAR_TYPE_WRONG: 415,
  DEADLINE_EXCEEDED: 408,
};

/** As Connect tells errors, so that one client reads them all. */
function refusal({ log }: App, error: unknown, id: string): Answer {
  const failed = toFailure(error, id, log);
  const { reason = '', retryAfterMs } = toldBy(failed) ?? {};
  const status = statuses[reason] ?? codeToHttpStatus(failed.code);
  const retry = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  return { status, headers: { ...retry, ...challenge }, body: JSON.stringify(errorToJson(failed, undefined)) };
}

/** Of what a refused client still sends: twice what an avatar may have, and no longer than a second. */
const restBytes = 1024 * 1024;
const restMs = 1_000;

async function send(request: NodeRequest, response: NodeResponse, { status, body = '', headers }: Answer): Promise<void> {
  if (status !== 408) await readToTheEnd(request, restBytes, restMs);
  const closing = !request.complete && request.httpVersionMajor === 1 ? { connection: 'close' } : {};
  const length = status === 304 || status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...always, ...headers, ...closing, ...length });
  if (request.method === 'HEAD') response.end();
  else response.end(body);
}
