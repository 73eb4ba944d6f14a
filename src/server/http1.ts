import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { EdgeLimits } from './edgeLimits.ts';
import type { Handlers } from './handler.ts';

/** The HTTP/1.1 side of the port: takes accepted connections, and can let them finish. */
export function http1({ handler, unary }: Handlers, limits: EdgeLimits) {
  const connections = new Map<Socket, Set<ServerResponse>>();
  let draining = false;

  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.headersMs / 2,
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    const running = connections.get(socket);
    running?.add(response);
    if (draining) response.setHeader('connection', 'close');
    response.once('close', () => {
      running?.delete(response);
      if (draining && running?.size === 0) socket.destroySoon();
    });
    if (namesTwoHosts(request)) {
      response.writeHead(400);
      response.end();
    } else if (!unary?.takesHttp1(request, response)) handler(request, response);
  });
  // Also ends connections without a request, for which Node sets the time (keepAliveTimeout).
  server.setTimeout(limits.unreadMs, (socket) => {
    const isIdle = connections.get(socket)?.size === 0;
    if (isIdle || socket.writableLength > 0) socket.destroy();
  });
  // The server never listens itself, and only at this event it starts to enforce its time limits.
  server.emit('listening');

  return {
    accept(socket: Socket): void {
      connections.set(socket, new Set());
      socket.once('close', () => connections.delete(socket));
      server.emit('connection', socket);
    },

    /**
     * Closes the connections without a request now and the others after their answers. Node's `closeIdleConnections` cuts
     * off an answer that is written but not yet taken by the client, so it is not used.
     */
    drain(): void {
      draining = true;
      for (const [socket, running] of connections) {
        if (running.size === 0) socket.destroySoon();
        for (const response of running) if (!response.headersSent) response.setHeader('connection', 'close');
      }
    },

    close(): void {
      server.close();
    },
  };
}

/**
 * Whether a request has more than one Host field, of which Node shows the first: somebody in front of us may have gone by
 * another one (RFC 9112 section 3.2).
 */
function namesTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}
