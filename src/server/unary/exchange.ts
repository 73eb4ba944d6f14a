import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** Header or trailer fields as Node takes them. */
export type Fields = Record<string, string | string[]>;

export interface Answer {
  /** HTTP's. */
  status: number;
  headers: Fields;
  body: Uint8Array | undefined;
  /** Absent where the protocol has its own place for them. */
  trailers?: Fields;
}

/** One request and the answer to it, over either version of HTTP. */
export interface Exchange {
  path: string;
  authority: string;
  encrypted: boolean;
  headers: IncomingHttpHeaders;
  socket: { remoteAddress?: string | undefined };
  body: Readable;
  /** At most once: when the caller hangs up before the answer has been given. */
  onHangUp(listener: () => void): void;
  /** Does nothing when the caller is gone. What has not been read of the body is thrown away. */
  send(answer: Answer): void;
  /** For an answer that cannot be given. */
  destroy(): void;
}

/** Fields of the web's kind as Node takes them; only set-cookie comes more than once. */
export function fieldsOf(headers: Headers): Fields {
  const fields: Fields = {};
  const cookies = headers.getSetCookie();
  for (const [name, value] of headers) fields[name] = name === 'set-cookie' ? cookies : value;
  return fields;
}

/** Without HTTP/2's pseudo-headers. */
export function webHeaders(headers: IncomingHttpHeaders): Headers {
  const web = new Headers();
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.startsWith(':')) continue;
    if (typeof value === 'string') web.append(name, value);
    else for (const one of value) web.append(name, one);
  }
  return web;
}
