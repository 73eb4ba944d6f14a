import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { EdgeLimits } from './edgeLimits.ts';
import type { Handlers } from './handler.ts';

/** Above every stream a client can open: a GOAWAY with it says "no new streams" and refuses none on their way. */
const highestStream = 2 ** 31 - 1;

/** Longer than a notice and the requests that crossed it are on their way. */
const noticeMs = 200;

/** The HTTP/2 side of the port: takes accepted connections, and can let them finish. */
export function http2({ handler, unary }: Handlers, limits: EdgeLimits) {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    maxSessionMemory: limits.sessionMegabytes,
    maxSessionInvalidFrames: limits.invalidFrames,
    streamResetBurst: limits.resetsAtOnce,
    streamResetRate: limits.resetsPerSecond,
    settings: { maxConcurrentStreams: limits.streamsPerSession, maxHeaderListSize: limits.headerBytes },
  });
  // Makes requests and responses of streams. It has no connections of its own.
  const requests = createServer(handler);
  server.on('stream', (stream, headers, flags, rawHeaders) => {
    stream.setTimeout(limits.unreadMs, () => endUnread(stream));
    if (namesTwoHosts(headers)) refuse(stream);
    else if (!unary?.takesHttp2(stream, headers)) requests.emit('stream', stream, headers, flags, rawHeaders);
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });

  return {
    accept(socket: Socket): void {
      server.emit('connection', socket);
    },

    /**
     * Lets each session finish its streams, in the two steps of RFC 9113 section 6.8: a notice, and the final GOAWAY when
     * the client has seen it, so that no request in flight is lost. A ping would tell when it has, but Node's own client
     * answers none after a notice.
     */
    drain(): void {
      for (const session of sessions) if (!session.closed) session.goaway(constants.NGHTTP2_NO_ERROR, highestStream);
      setTimeout(() => {
        for (const session of sessions) session.close();
      }, noticeMs);
    },
  };
}

/** Called when nothing has moved on a stream: what waits there for a client that does not read is given up, with its memory. */
function endUnread(stream: ServerHttp2Stream): void {
  if (stream.writableLength > 0) stream.close(constants.NGHTTP2_CANCEL);
}

/** Whether Host contradicts `:authority`, which we go by (RFC 9113 section 8.3.1). Two Host fields Node itself refuses. */
function namesTwoHosts({ ':authority': authority, ':scheme': scheme, host }: IncomingHttpHeaders): boolean {
  if (host === undefined || authority === undefined || host === authority) return false;
  const hostOf = (value: string) => URL.parse(`${scheme}://${value}`)?.host;
  return hostOf(host) !== hostOf(authority);
}

function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.respond({ ':status': 400 }, { endStream: true });
  // What else comes of the request stays unread.
  stream.resume().close(constants.NGHTTP2_NO_ERROR);
}
