import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { guardUrl, type NodeHandler } from './handler.ts';
import { http1 } from './http1.ts';
import { http2 } from './http2.ts';
import { sniff } from './sniff.ts';

/** What one connection may cost. Times in milliseconds. */
export const edgeLimits = {
  /** Until a new connection has shown its protocol; with TLS the same again for the handshake. */
  firstBytesMs: 10_000,
  /** Until the headers of an HTTP/1.1 request are there. */
  headersMs: 10_000,
  /** Until the whole of an HTTP/1.1 request is there. */
  requestMs: 60_000,
  /** For an HTTP/1.1 connection without a request; longer than the usual 60 s of balancers, which must be the first to close. */
  keepAliveMs: 75_000,
  /** Until the kernel asks a silent peer whether it still exists. */
  probePeerMs: 60_000,
  /** All headers of a request. */
  headerBytes: 16 * 1024,
  /** Requests at once on one HTTP/2 connection. */
  streamsPerSession: 250,
  /** What Node may buffer for one HTTP/2 connection; beyond it new streams are refused. */
  sessionMegabytes: 64,
};

export type EdgeLimits = typeof edgeLimits;

export interface ListenOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** PEM. Without it the port speaks cleartext. */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined;
  handler: NodeHandler;
}

export interface Listener {
  host: string;
  port: number;
  /** Takes no more connections, lets running requests finish, cuts off after `graceMs` what is left. */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves HTTP/1.1 and HTTP/2 on one port. Rejects with the system's error (EADDRINUSE, EACCES, ...) when it cannot be had,
 * and with OpenSSL's when certificate and key are no pair.
 */
export async function listen({ host, port, tls, handler }: ListenOptions, limits = edgeLimits): Promise<Listener> {
  const guarded = guardUrl(handler);
  const sides = { http1: http1(guarded, limits), http2: http2(guarded, limits) };
  const waiting = new Set<Socket>();
  const sockets = new Set<Socket>();

  const accept = (socket: Socket) => {
    // A handshake that was under way when closing began.
    if (!front.listening) return void socket.destroy();
    track(waiting, socket);
    track(sockets, socket);
    sniff(socket, limits.firstBytesMs, (protocol) => {
      waiting.delete(socket);
      sides[protocol].accept(socket);
    });
  };
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.probePeerMs };
  const handshake = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: limits.firstBytesMs };
  const front = tls ? createTlsServer({ ...options, ...handshake, ...tls }, accept) : createServer(options, accept);
  // With TLS this is the socket below, there from the first packet of the handshake.
  front.on('connection', (socket: Socket) => track(sockets, socket));
  // Node leaves a connection open whose handshake failed or took too long.
  front.on('tlsClientError', (_: Error, socket: Socket) => socket.destroy());

  front.listen(port, host);
  await once(front, 'listening');
  // From here on an error is one connection that could not be accepted; the server goes on.
  front.on('error', () => {});
  const closed = new Promise<void>((resolve) => front.once('close', resolve));

  return {
    ...addressOf(front.address()),
    async close(graceMs) {
      if (front.listening) {
        front.close();
        destroy(waiting);
        sides.http1.drain();
        sides.http2.drain();
      }
      const timer = setTimeout(() => destroy(sockets), graceMs);
      await closed;
      clearTimeout(timer);
      sides.http1.close();
    },
  };
}

function track(set: Set<Socket>, socket: Socket): void {
  set.add(socket);
  socket.once('close', () => set.delete(socket));
}

function destroy(set: Set<Socket>): void {
  for (const socket of set) socket.destroy();
}

function addressOf(address: AddressInfo | string | null): { host: string; port: number } {
  if (address === null || typeof address === 'string') throw new Error(`not a TCP address: ${address}`);
  return { host: address.address, port: address.port };
}
