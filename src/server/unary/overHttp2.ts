import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Answer, Exchange } from './exchange.ts';

/** A request over HTTP/2, by the API of streams: Node's requests and responses on top of it cost as much again. */
export function overHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, path: string, authority: string): Exchange {
  // A stream that is reset tells so by "aborted"; without a listener its error would end the process.
  stream.on('error', ignore);
  return {
    path,
    authority,
    encrypted: stream.session?.encrypted === true,
    headers,
    socket: stream.session?.socket ?? {},
    body: stream,
    onHangUp: (listener) => stream.once('aborted', listener),
    send: (answer) => send(stream, answer),
    destroy: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  };
}

function send(stream: ServerHttp2Stream, { status, headers, body, trailers }: Answer): void {
  if (stream.destroyed || stream.closed) return;
  if (trailers) {
    stream.once('wantTrailers', () => {
      stream.sendTrailers(trailers);
      endUnread(stream);
    });
  } else if (!stream.readableEnded) stream.once('finish', () => endUnread(stream));
  stream.respond({ ':status': status, ...headers }, { waitForTrailers: trailers !== undefined });
  stream.end(body);
}

/** RFC 9113 section 8.1: who has answered in full may end a request that is still being sent. */
function endUnread(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  setImmediate(() => {
    // A stream with bytes that nobody reads stays for as long as its session.
    stream.resume();
    stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

const ignore = () => {};
