import type { Socket } from 'node:net';

export type Protocol = 'http1' | 'http2';

/** What every HTTP/2 client sends first (RFC 9113 section 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Tells a connection's protocol from its first bytes and hands it on with those bytes unread. A connection that has not
 * said enough after `withinMs` is cut off.
 */
export function sniff(socket: Socket, withinMs: number, accept: (protocol: Protocol) => void): void {
  let head: Buffer = nothing;
  const timer = setTimeout(() => socket.destroy(), withinMs);
  const stop = () => clearTimeout(timer);

  // "readable", not "data": a flowing socket would drop the bytes put back before the HTTP/2 side reads them.
  socket.on('readable', look).on('error', ignore).once('close', stop);

  function look(): void {
    head = Buffer.concat([head, socket.read() ?? nothing]);
    const length = Math.min(head.length, preface.length);
    const isPreface = head.subarray(0, length).equals(preface.subarray(0, length));
    if (isPreface && length < preface.length) return;
    stop();
    socket.off('readable', look).off('error', ignore).off('close', stop);
    socket.unshift(head);
    accept(isPreface ? 'http2' : 'http1');
  }
}

const nothing = Buffer.alloc(0);

/** Without a listener a reset connection would end the process; its "close" says all there is to know. */
const ignore = () => {};
