import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, Exchange } from './exchange.ts';

/** A request over HTTP/1.1. */
export function overHttp1(request: IncomingMessage, response: ServerResponse, path: string, authority: string): Exchange {
  request.on('error', ignore);
  return {
    path,
    authority,
    encrypted: 'encrypted' in request.socket,
    headers: request.headers,
    socket: request.socket,
    body: request,
    onHangUp: (listener) => {
      response.once('close', () => {
        if (!response.writableFinished) listener();
      });
    },
    send: (answer) => send(request, response, answer),
    destroy: () => response.destroy(),
  };
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, headers);
  response.end(body);
  // Else what is left would stay unread, and the connection's next request behind it.
  if (!request.readableEnded) request.resume();
}

/** The response's "close" says all there is to know. */
const ignore = () => {};
