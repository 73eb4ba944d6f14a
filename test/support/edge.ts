import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientSessionOptions, connect, type SecureClientSessionOptions } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { onTestFinished } from 'vitest';
import { edgeLimits } from '../../src/server/edgeLimits.ts';
import type { NodeHandler } from '../../src/server/handler.ts';
import { type Listener, type ListenOptions, listen } from '../../src/server/listen.ts';

const pem = (name: string) => readFileSync(new URL(`tls/${name}.pem`, import.meta.url));

/** A certificate for localhost that signs itself, and so is its own authority; made with openssl for a hundred years. */
export const tls = { cert: pem('cert'), key: pem('key') };

/** A port of its own with this handler, closed when the test ends. */
export async function serve(
  handler: NodeHandler,
  options: Pick<ListenOptions, 'tls'> = {},
  limits: Partial<typeof edgeLimits> = {},
): Promise<Listener & { url: string }> {
  const listener = await listen({ host: '127.0.0.1', port: 0, handler, ...options }, { ...edgeLimits, ...limits });
  onTestFinished(() => listener.close(0));
  return { ...listener, url: `${options.tls ? 'https' : 'http'}://localhost:${listener.port}` };
}

export const serveRoutes = (routes: (router: ConnectRouter) => void, options?: Pick<ListenOptions, 'tls'>) =>
  serve(connectNodeAdapter({ routes }), options);

export function openSession(url: string, options: ClientSessionOptions | SecureClientSessionOptions = {}): ClientHttp2Session {
  const session = connect(url, { ca: tls.cert, ...options });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

/** One request on an HTTP/2 connection. */
export async function request(session: ClientHttp2Session, headers: Record<string, string>) {
  const stream = session.request(headers);
  const response = new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.on('response', resolve).on('error', reject);
    stream.on('close', () => reject(new Error('closed without an answer')));
  });
  return { headers: await response, body: await text(stream) };
}

export function openSocket(port: number): Socket {
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** Sends bytes over a plain connection and gives all that comes back until the server closes it. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = openSocket(port);
  socket.write(bytes);
  return text(socket);
}
