import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { edgeLimits } from './edgeLimits.ts';
import { guardUrl, type NodeHandler } from './handler.ts';
import { http1 } from './http1.ts';
import { http2 } from './http2.ts';
import { sniff } from './sniff.ts';
import type { UnaryServer } from './unary/serve.ts';

/** Connections that another process accepts for this one. */
export interface Arrivals {
  /** Of that process. */
  port: number;
  /** Calls with each from here on. */
  take(accept: (socket: Socket) => void): void;
}

export interface ListenOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** PEM. Without it the port speaks cleartext. */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined;
  handler: NodeHandler;
  /** Is asked before `handler`, which has what it does not take. */
  unary?: UnaryServer | undefined;
  /** Takes these instead of listening. */
  arrivals?: Arrivals | undefined;
}

export interface Listener {
  host: string;
  port: number;
  /** Open ones, now. */
  connections(): number;
  /** Takes no more connections, lets running requests finish, cuts off after `graceMs` what is left. */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves HTTP/1.1 and HTTP/2 on one port. Rejects with the system's error (EADDRINUSE, EACCES, ...) when it cannot be had,
 * and with OpenSSL's when certificate and key are no pair.
 */
export async function listen(
  { host, port, tls, handler, unary, arrivals }: ListenOptions,
  limits = edgeLimits,
): Promise<Listener> {
  const guarded = guardUrl(handler);
  const sides = { http1: http1({ handler: guarded, unary }, limits), http2: http2({ handler: guarded, unary }, limits) };
  const waiting = new Set<Socket>();
  const sockets = new Set<Socket>();
  const { promise: closed, resolve: gone } = Promise.withResolvers<void>();
  let open = 0;
  let closing = false;

  const accept = (socket: Socket) => {
    // A handshake that was under way when closing began.
    if (closing) return void socket.destroy();
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
  front.on('connection', (socket: Socket) => {
    open++;
    track(sockets, socket);
    socket.once('close', () => {
      open--;
      if (closing && open === 0) gone();
    });
  });
  // Node leaves a connection open whose handshake failed or took too long.
  front.on('tlsClientError', (_: Error, socket: Socket) => socket.destroy());

  arrivals?.take((socket) => front.emit('connection', socket.setNoDelay(true).setKeepAlive(true, limits.probePeerMs)));
  const address = arrivals ? { host, port: arrivals.port } : await bind(front, host, port);

  return {
    ...address,
    connections: () => open,
    async close(graceMs) {
      if (!closing) {
        closing = true;
        if (!arrivals) front.close();
        destroy(waiting);
        sides.http1.drain();
        sides.http2.drain();
        if (open === 0) gone();
      }
      const timer = setTimeout(() => destroy(sockets), graceMs);
      await closed;
      clearTimeout(timer);
      sides.http1.close();
    },
  };
}

async function bind(front: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  front.listen(port, host);
  await once(front, 'listening');
  // From here on an error is one connection that could not be accepted; the server goes on.
  front.on('error', () => {});
  return addressOf(front.address());
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
