// The same routes on two ports: with the lean path for unary calls, and with nothing but Connect's adapter. Whatever bytes
// come, both are to answer alike.

import { request } from 'node:http';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { pino } from 'pino';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { type GetUserByIDRequest, UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { adapt } from '../../src/server/adapter.ts';
import { cors, corsHeaders } from '../../src/server/cors.ts';
import { deadline } from '../../src/server/deadline.ts';
import { edgeLimits } from '../../src/server/edgeLimits.ts';
import { type Listener, listen } from '../../src/server/listen.ts';
import { explain, explainProtocolErrors } from '../../src/server/protocolErrors.ts';
import { UnaryContext } from '../../src/server/unary/context.ts';
import { unaryServer } from '../../src/server/unary/serve.ts';

export const path = '/zitadel.user.v2.UserService/GetUserByID';
export const readMaxBytes = 1000;
export const origin = 'https://app.example.com';

/** What the handler has seen, over both paths. */
export const seen = { lean: 0, connect: 0, aborted: 0 };

async function getUserByID({ userId }: GetUserByIDRequest, context: HandlerContext) {
  seen[context instanceof UnaryContext ? 'lean' : 'connect'] += 1;
  switch (userId) {
    case 'metadata':
      context.responseHeader.append('x-answer', context.requestHeader.get('x-question') ?? 'none');
      context.responseHeader.append('x-answer-bin', 'AAEC');
      context.responseHeader.append('set-cookie', 'a=1');
      context.responseHeader.append('set-cookie', 'b=2');
      context.responseTrailer.append('x-trailer', 'one');
      context.responseTrailer.append('x-trailer', 'two');
      break;
    case 'timeout':
      return answerOf(`${context.timeoutMs() === undefined}`);
    case 'url':
      return answerOf(`${context.url.replace(/:\d+/, '')} ${context.protocolName} ${context.requestMethod}`);
    case 'error':
      context.responseTrailer.set('x-trailer', 'one');
      throw new ConnectError('50 % of "ünknown" users: gone\n', Code.NotFound, { 'x-error': 'yes', 'grpc-status': '0' }, [
        { desc: ErrorInfoSchema, value: { reason: 'GONE', domain: 'test' } },
      ]);
    case 'bug':
      throw new Error('select secret from users');
    case 'long error':
      throw new ConnectError('x'.repeat(2000), Code.Aborted);
    case 'long':
      return answerOf('x'.repeat(2000));
    case 'huge':
      return answerOf('x'.repeat(8 * 1024 * 1024));
    case 'too long':
      return answerOf('x'.repeat(17 * 1024 * 1024));
    case 'sleep':
      await sleep(60_000, undefined, { signal: context.signal }).catch(() => {
        seen.aborted += 1;
      });
      throw context.signal.reason;
  }
  return answerOf(userId);
}

const answerOf = (userId: string) => ({ user: { userId } });

const routes = (router: ConnectRouter) => {
  router.service(UserService, { getUserByID });
};

/** Takes as long as a statement might, a whole request has come by then; or never, as one that waits for a lock. */
async function gate({ requestHeader }: HandlerContext): Promise<void> {
  if (requestHeader.get('x-locked')) await new Promise(() => {});
  await sleep(2);
  if (requestHeader.get('x-stranger')) throw new ConnectError('who are you?', Code.Unauthenticated);
}

export async function listenBoth(maxTimeoutMs = 60_000): Promise<{ lean: Listener; connect: Listener }> {
  const common = {
    interceptors: [deadline(maxTimeoutMs)],
    readMaxBytes,
    writeMaxBytes: 16 * 1024 * 1024,
    networkOf: () => 'unknown',
    log: pino({ level: 'silent' }),
  };
  const unary = unaryServer({ ...common, routes, gate, explain, corsHeaders: corsHeaders([origin]), maxTimeoutMs });
  const connect = adapt(routes, {
    ...common,
    bodyMs: maxTimeoutMs,
    requestGate: (context) => {
      explainProtocolErrors(context);
      return gate(context);
    },
  });
  const options = { host: '127.0.0.1', port: 0, handler: cors([origin], connect) };
  return { lean: await listen({ ...options, unary }, edgeLimits), connect: await listen(options, edgeLimits) };
}

export interface Request {
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
}

/** What a caller can tell of an answer. What may differ from answer to answer is left out. */
export interface Told {
  status: unknown;
  headers: Record<string, unknown>;
  body: string;
  trailers: Record<string, unknown>;
}

const telling = (headers: IncomingHttpHeaders): Record<string, unknown> => {
  // gRPC-Web's answers come with a length here, and without, or in chunks, from Connect.
  const { date: _date, 'content-length': _length, 'transfer-encoding': _coding, ':status': _status, ...rest } = headers;
  return { ...rest };
};

/** One request over HTTP/2 and all that came back. */
export function askHttp2(session: ClientHttp2Session, { headers = {}, body = '' }: Request): Promise<Told> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    const chunks: Buffer[] = [];
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (found) => {
      head = found;
    });
    stream.on('trailers', (found) => {
      trailers = found;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      const bytes = Buffer.concat(chunks);
      const text = head['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      resolve({ status: head[':status'], headers: telling(head), body: text.toString('latin1'), trailers: telling(trailers) });
    });
    if (body.length > 0) stream.write(body);
    stream.end();
  });
}

export const sessionTo = ({ port }: Listener): ClientHttp2Session => connect(`http://127.0.0.1:${port}`);

/** One request over HTTP/1.1 and all that came back, as long as the server keeps the connection or closes it in order. */
export async function askHttp1(port: number, { headers = {}, body = '' }: Request): Promise<Told> {
  return new Promise((resolve, reject) => {
    const content = Buffer.from(body);
    const fields = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'te'));
    const options = { port, path, method: 'POST', agent: false, headers: { ...fields, 'content-length': content.length } };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
        resolve({
          status: response.statusCode,
          headers: telling(response.headers),
          body: text.toString('latin1'),
          trailers: response.trailers,
        });
      });
    });
    sent.on('error', reject);
    sent.end(content);
  });
}
