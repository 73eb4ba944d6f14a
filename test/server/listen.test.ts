import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { describe, expect, it, vi } from 'vitest';
import type { NodeHandler, NodeResponse } from '../../src/server/handler.ts';
import { Health } from '../../src/server/health.ts';
import { listen } from '../../src/server/listen.ts';
import { exchange, openSession, openSocket, request, serve, tls } from '../support/edge.ts';

const tellVersion: NodeHandler = (request, response) => {
  response.writeHead(200);
  response.end(request.httpVersion);
};

/** A handler whose answers wait until they are released. */
function heldBack() {
  const waiting: NodeResponse[] = [];
  const handler: NodeHandler = (_, response) => {
    waiting.push(response);
  };
  const release = (body: string | Buffer = 'done') => {
    for (const response of waiting) response.end(body);
  };
  return { handler, waiting, release, running: (count: number) => vi.waitFor(() => expect(waiting).toHaveLength(count)) };
}

async function getOverTls(url: string): Promise<string> {
  const sent = httpsRequest(url, { ca: tls.cert, agent: false }).end();
  const [response] = await once(sent, 'response');
  return text(response);
}

describe('one port', () => {
  it('speaks HTTP/1.1 and HTTP/2 in cleartext', async () => {
    const { url } = await serve(tellVersion);
    expect(await (await fetch(url)).text()).toBe('1.1');
    expect((await request(openSession(url), { ':path': '/' })).body).toBe('2.0');
  });

  it('speaks HTTP/1.1 and HTTP/2 over TLS, as ALPN says', async () => {
    const { url } = await serve(tellVersion, { tls });
    expect(await getOverTls(url)).toBe('1.1');
    const session = openSession(url);
    expect((await request(session, { ':path': '/' })).body).toBe('2.0');
    expect(session.alpnProtocol).toBe('h2');
  });

  it('recognises a preface that comes byte by byte', async () => {
    const { port } = await serve(tellVersion);
    const socket = openSocket(port);
    const emptySettings = '\0\0\0\x04\0\0\0\0\0';
    for (const byte of `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${emptySettings}`) {
      socket.write(byte, 'latin1');
      await setImmediate();
    }
    const [frame] = await once(socket, 'data');
    expect(frame[3], 'type of the first frame: SETTINGS').toBe(4);
  });

  it('recognises HTTP/1.1 that starts like the preface, byte by byte', async () => {
    const { port } = await serve(tellVersion);
    const socket = openSocket(port);
    for (const byte of 'PROPFIND / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n') {
      socket.write(byte);
      await setImmediate();
    }
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK.*1\.1/s);
  });

  it('takes pipelined requests and a body in the first packet', async () => {
    const { port } = await serve((request, response) => {
      text(request).then((body) => response.end(`<${body}>`));
    });
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n';
    const answers = await exchange(port, `${post}\r\none${post}Connection: close\r\n\r\ntwo`);
    expect(answers.match(/<\w+>/g)).toEqual(['<one>', '<two>']);
  });

  it('rejects when the port is taken', async () => {
    const { port } = await serve(tellVersion);
    await expect(listen({ host: '127.0.0.1', port, handler: tellVersion })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('rejects a key that does not fit', async () => {
    const options = { host: '127.0.0.1', port: 0, handler: tellVersion };
    await expect(listen({ ...options, tls: { ...tls, key: 'none' } })).rejects.toThrow();
  });

  it('goes on after a connection that was reset before it said anything', async () => {
    const { url, port } = await serve(tellVersion);
    const socket = openSocket(port);
    await once(socket, 'connect');
    socket.resetAndDestroy();
    expect(await (await fetch(url)).text()).toBe('1.1');
  });
});

describe('what makes no URL', () => {
  const rpc = '/grpc.health.v1.Health/Check';
  const serveHealth = () => serve(connectNodeAdapter({ routes: new Health([]).routes }));

  it('is turned away over HTTP/1.1', async () => {
    const { port } = await serveHealth();
    expect(await exchange(port, `POST ${rpc} HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /);
  });

  it('is turned away over HTTP/2', async () => {
    const { url } = await serveHealth();
    const { headers } = await request(openSession(url), { ':method': 'POST', ':path': rpc, ':authority': '[' });
    expect(headers[':status']).toBe(400);
  });

  it('is not HTTP/1.0 without a host', async () => {
    const { port } = await serveHealth();
    const head = `POST ${rpc} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n`;
    expect(await exchange(port, `${head}{}`)).toMatch(/^HTTP\/1.1 200 .*NOT_SERVING/s);
  });
});

describe('limits', () => {
  const closing = (socket: Socket) => new Promise((resolve) => socket.resume().once('close', resolve));

  it.each(['', 'P', 'PRI * HTTP/2.0\r\n'])('cuts off who says only %j', async (bytes) => {
    const { port } = await serve(tellVersion, {}, { firstBytesMs: 50 });
    const socket = openSocket(port);
    socket.write(bytes);
    await closing(socket);
    expect(socket.bytesRead).toBe(0);
  });

  it('cuts off who starts no handshake, and who says nothing after it', async () => {
    const { port } = await serve(tellVersion, { tls }, { firstBytesMs: 50 });
    await closing(openSocket(port));
    await closing(connectTls({ port, host: 'localhost', ca: tls.cert, ALPNProtocols: ['h2'] }));
  });

  it('cuts off who never ends his headers', async () => {
    const { port } = await serve(tellVersion, {}, { headersMs: 100 });
    expect(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('cuts off who never ends his body', async () => {
    const { port } = await serve(() => {}, {}, { headersMs: 100, requestMs: 200 });
    expect(await exchange(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('keeps an answer that takes longer than the request may', async () => {
    const { handler, running, release } = heldBack();
    const { port } = await serve(handler, {}, { headersMs: 50, requestMs: 50 });
    const answer = exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await running(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    release();
    expect(await answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it('refuses headers beyond the limit', async () => {
    const { url } = await serve(tellVersion, {}, { headerBytes: 4096 });
    expect((await fetch(url, { headers: { filler: 'x'.repeat(3000) } })).status).toBe(200);
    expect((await fetch(url, { headers: { filler: 'x'.repeat(5000) } })).status).toBe(431);
    const session = openSession(url);
    expect((await request(session, { ':path': '/', filler: 'x'.repeat(3000) })).headers[':status']).toBe(200);
    await expect(request(session, { ':path': '/', filler: 'x'.repeat(5000) })).rejects.toThrow();
  });

  it('tells HTTP/2 clients how many requests may run at once', async () => {
    const { url } = await serve(tellVersion, {}, { streamsPerSession: 7 });
    const [settings] = await once(openSession(url), 'remoteSettings');
    expect(settings.maxConcurrentStreams).toBe(7);
  });

  it('serves beside many idle connections, and is rid of them in time', async () => {
    const { url, port } = await serve(tellVersion, {}, { firstBytesMs: 1000 });
    const idle = Array.from({ length: 500 }, () => openSocket(port));
    const closed = idle.map(closing);
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    expect(await (await fetch(url)).text()).toBe('1.1');
    expect((await request(openSession(url), { ':path': '/' })).body).toBe('2.0');
    expect(idle.filter((socket) => socket.destroyed)).toHaveLength(0);
    await Promise.all(closed);
  });
});

describe('closing', () => {
  const farAway = 600_000;
  const goneAway = (session: ClientHttp2Session) => once(session, 'goaway');

  it('lets a running HTTP/1.1 request finish and takes no new connection', async () => {
    const { handler, running, release } = heldBack();
    const { url, close } = await serve(handler);
    const answer = fetch(url);
    await running(1);
    const closed = close(farAway);
    await expect(fetch(url)).rejects.toThrow();
    release();
    expect((await answer).headers.get('connection')).toBe('close');
    expect(await (await answer).text()).toBe('done');
    await closed;
  });

  it('closes an HTTP/1.1 connection whose answer had begun before', async () => {
    const { handler, waiting, running, release } = heldBack();
    const { url, close } = await serve(handler);
    const agent = new Agent({ keepAlive: true });
    const sent = get(url, { agent });
    await running(1);
    waiting[0]?.writeHead(200, { 'content-length': 4 });
    waiting[0]?.write('do');
    const [response] = await once(sent, 'response');
    const closed = close(farAway);
    release('ne');
    expect(await text(response)).toBe('done');
    await closed;
  });

  it('sends a large answer to its end', async () => {
    const { handler, running, release } = heldBack();
    const { port, close } = await serve(handler);
    const socket = openSocket(port);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await running(1);
    const size = 32 * 1024 * 1024;
    release(Buffer.alloc(size, 'x'));
    const closed = close(farAway);
    expect((await text(socket)).length).toBeGreaterThan(size);
    await closed;
  });

  it('closes idle connections of both kinds, and those that said nothing yet, at once', async () => {
    const { url, port, close } = await serve(tellVersion);
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(get(url, { agent }), 'response');
    await text(response);
    const session = openSession(url);
    await request(session, { ':path': '/' });
    const silent = openSocket(port);
    await once(silent, 'connect');
    await (await fetch(url)).text();
    await close(farAway);
    await vi.waitFor(() => expect([session.destroyed, silent.destroyed]).toEqual([true, true]));
  });

  it('lets running HTTP/2 requests finish after a GOAWAY', async () => {
    const { handler, running, release } = heldBack();
    const { url, close } = await serve(handler);
    const session = openSession(url);
    const answers = [request(session, { ':path': '/1' }), request(session, { ':path': '/2' })];
    await running(2);
    const goaway = goneAway(session);
    const closed = close(farAway);
    expect((await goaway)[0]).toBe(0);
    release();
    for (const { body } of await Promise.all(answers)) expect(body).toBe('done');
    await closed;
  });

  it('loses no HTTP/2 request that was on its way', async () => {
    const { url, close } = await serve(tellVersion);
    const session = openSession(url);
    await request(session, { ':path': '/' });
    const closed = close(farAway);
    expect((await request(session, { ':path': '/' })).body).toBe('2.0');
    await closed;
  });

  it.each([{}, { tls }])('cuts off what is left after the grace, with %o', async (options) => {
    const { handler, running } = heldBack();
    const { url, close } = await serve(handler, options);
    const broken = expect(request(openSession(url), { ':path': '/' })).rejects.toThrow();
    await running(1);
    await close(50);
    await broken;
  });

  it('can be hurried', async () => {
    const { handler, running } = heldBack();
    const { url, close } = await serve(handler);
    const broken = expect(fetch(url)).rejects.toThrow();
    await running(1);
    const first = close(farAway);
    await close(0);
    await Promise.all([first, broken]);
  });

  it('takes no connection whose handshake ends too late', async () => {
    const { url, port, close } = await serve(tellVersion, { tls }, { firstBytesMs: farAway });
    const socket = openSocket(port);
    await once(socket, 'connect');
    await getOverTls(url);
    const closed = close(farAway);
    connectTls({ socket, host: 'localhost', ca: tls.cert }).on('error', () => {});
    await closed;
  });

  it('works the same over TLS', async () => {
    const { handler, running, release } = heldBack();
    const { url, close } = await serve(handler, { tls });
    const answers = [getOverTls(url), request(openSession(url), { ':path': '/' }).then(({ body }) => body)];
    await running(2);
    const closed = close(farAway);
    release();
    expect(await Promise.all(answers)).toEqual(['done', 'done']);
    await closed;
  });
});
