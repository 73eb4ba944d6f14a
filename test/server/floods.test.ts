// What a client can do to the port by what it sends and by what it does not read: it loses its connection or its request, the
// memory stays bounded, and the others are served all the while. Through the whole app, whose unary calls go past Node's adapter.
import { once } from 'node:events';
import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Code } from '@connectrpc/connect';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { edgeLimits } from '../../src/server/edgeLimits.ts';
import type { NodeHandler } from '../../src/server/handler.ts';
import { readBody } from '../../src/server/unary/body.ts';
import { UnaryContext } from '../../src/server/unary/context.ts';
import { exchange, openSession, openSocket, serve } from '../support/edge.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const rpc = '/zitadel.user.v2.UserService/GetUserByID';
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, continuation: 9 } as const;

/** One frame of HTTP/2 (RFC 9113 section 4.1). */
function frame(type: keyof typeof types, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = types[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block without compression or index (RFC 7541 section 6.2.2). */
const block = (fields: Record<string, string>) =>
  Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [
      Buffer.of(0),
      ...[name, value].flatMap((one) => [lengthOf(one), Buffer.from(one)]),
    ]),
  );

function lengthOf({ length }: string): Buffer {
  return length < 127 ? Buffer.of(length) : Buffer.of(127, ((length - 127) & 127) | 128, (length - 127) >> 7);
}

const call = block({
  ...{ ':method': 'POST', ':scheme': 'http', ':path': rpc, ':authority': 'localhost' },
  ...{ 'content-type': 'application/grpc', te: 'trailers', authorization: 'Bearer nothing' },
});

function open(port = server.port): Socket {
  const socket = openSocket(port);
  socket.write(Buffer.concat([preface, frame('settings', 0, 0)]));
  return socket;
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.resume().once('close', () => resolve()));

/** Calls of somebody else, from now until the returned function is called, which tells the slowest, in milliseconds. */
function beside(): () => Promise<number> {
  const users = server.as().users;
  let over = false;
  let slowest = 0;
  const calling = (async () => {
    while (!over) {
      const begun = performance.now();
      await users.listUsers({});
      slowest = Math.max(slowest, performance.now() - begun);
    }
  })();
  return async () => {
    over = true;
    await calling;
    return slowest;
  };
}

/** Of others, on a machine that does much else. */
const patienceMs = 5_000;
const mebibyte = 2 ** 20;

/** Writes until the server has closed the connection; the memory that came on top, at most. */
async function flood(socket: Socket, parts: Iterable<Buffer>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const gone = closed(socket);
  for (const part of parts) {
    if (socket.destroyed) break;
    if (!socket.write(part)) await Promise.race([once(socket, 'drain').catch(() => {}), gone]);
    most = Math.max(most, process.memoryUsage().rss);
  }
  await gone;
  return (most - before) / mebibyte;
}

function* resets(): Generator<Buffer> {
  for (let stream = 1; ; stream += 2) {
    yield Buffer.concat([frame('headers', 4, stream, call), frame('reset', 0, stream, Buffer.from([0, 0, 0, 8]))]);
  }
}

function* continuations(): Generator<Buffer> {
  yield frame('headers', 0, 1, call);
  for (;;) yield frame('continuation', 0, 1, block({ filler: 'x'.repeat(1000) }));
}

function* repeated(part: Buffer): Generator<Buffer> {
  const many = Buffer.concat(Array.from({ length: 100 }, () => part));
  for (;;) yield many;
}

describe('a flood ends the connection that it comes on, and nothing else', () => {
  test.each([
    ['requests that are taken back at once (rapid reset)', resets],
    ['headers that never end (CONTINUATION)', continuations],
    ['headers without end in small requests', () => repeated(frame('headers', 5, 1, block({ filler: 'x'.repeat(200) })))],
    ['frames on streams that were never opened', () => repeated(frame('data', 0, 2, Buffer.from('x')))],
  ])('%s', async (_, parts) => {
    const others = beside();
    expect(await flood(open(), parts())).toBeLessThan(64);
    expect(await others()).toBeLessThan(patienceMs);
  });

  test.each([
    ['pings', frame('ping', 0, 0, Buffer.alloc(8))],
    ['settings', frame('settings', 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))],
  ])('%s whose answers nobody reads', async (_, part) => {
    const others = beside();
    const socket = open();
    socket.pause();
    const before = process.memoryUsage().rss;
    const many = Buffer.concat(Array.from({ length: 1000 }, () => part));
    let taken = true;
    // Until the server takes no more, or has closed.
    for (let n = 0; n < 2000 && taken && !socket.destroyed; n++) {
      if (socket.write(many)) continue;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(resolve, 500, false);
      socket.once('drain', () => resolve(true)).once('close', () => resolve(false));
      taken = await promise;
      clearTimeout(timer);
    }
    expect(taken).toBe(false);
    expect((process.memoryUsage().rss - before) / mebibyte).toBeLessThan(96);
    expect(await others()).toBeLessThan(patienceMs);
  });
});

describe('who does not read his answer', () => {
  const size = 16 * mebibyte;
  const large: NodeHandler = (_, response) => {
    response.writeHead(200);
    response.end(Buffer.alloc(size));
  };
  const limits = { unreadMs: 100 };

  test('loses the request over HTTP/2, while another one on the same connection goes on', async () => {
    const { url } = await serve((request, response) => (request.url === '/' ? large(request, response) : undefined), {}, limits);
    const session = openSession(url, { settings: { initialWindowSize: 1000 } });
    const unread = session.request({ ':path': '/' }).pause();
    const waiting = session.request({ ':path': '/waits' });
    unread.on('error', () => {});
    await once(unread, 'close');
    expect(unread.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(waiting.closed).toBe(false);
    waiting.close();
  });

  test('loses the connection over HTTP/1.1, which one with a request that takes its time does not', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { port } = await serve(
      (request, response) => {
        if (request.url === '/') large(request, response);
        else void answered.then(() => response.end('at last'));
      },
      {},
      limits,
    );
    const slow = exchange(port, 'GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const socket = openSocket(port);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.pause();
    // The kernel has taken some of it; what then comes is the end.
    await new Promise((resolve) => setTimeout(resolve, 4 * limits.unreadMs));
    expect((await text(socket).catch(() => '')).length).toBeLessThan(size);
    answer();
    expect(await slow).toMatch(/at last$/);
  });

  test('gets it when he reads slowly', async () => {
    const { url } = await serve(large, {}, limits);
    const stream = openSession(url).request({ ':path': '/' });
    let read = 0;
    for await (const part of stream) {
      read += part.length;
      if (read % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(read).toBe(size);
  });
});

test('a body that does not end is not waited for', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { headers, path, authority } = { headers: {}, path: rpc, authority: 'localhost' };
  const body = new PassThrough();
  const exchanged = { headers, path, authority, encrypted: false, socket: {}, body, onHangUp() {}, send() {}, destroy() {} };
  const head = { protocolName: 'grpc', contentType: '', trailers: {}, timeoutMs: undefined };
  const context = new UnaryContext(UserService.method.getUserByID, exchanged, head);
  const reading = expect(readBody(body, context, () => false)).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  for (let second = 0; second < edgeLimits.requestMs / 1000; second++) {
    body.write('x');
    await vi.advanceTimersByTimeAsync(1000);
  }
  await reading;
});
