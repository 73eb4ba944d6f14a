// Requests and answers as they stand on the wire, so that nothing that a caller could see is left out.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { buffer } from 'node:stream/consumers';

export const protocols = ['grpc', 'grpc-web', 'connect', 'connect-json'] as const;
export type Protocol = (typeof protocols)[number];

const contentTypes: Record<Protocol, string> = {
  grpc: 'application/grpc+proto',
  'grpc-web': 'application/grpc-web+proto',
  connect: 'application/proto',
  'connect-json': 'application/json',
};

export interface Request {
  /** /package.Service/Method */
  path: string;
  headers: Record<string, string | undefined>;
  body: Uint8Array;
  protocol?: Protocol;
}

export interface Answer {
  /** Headers and trailers, without the date. */
  headers: Record<string, unknown>;
  body: Buffer;
}

export interface Wire {
  send(request: Request): Promise<Answer>;
  close(): void;
}

/** One HTTP/2 connection for all requests. */
export function openWire(address: string): Wire {
  const session = connect(address);
  return {
    async send({ path, headers, body, protocol = 'connect' }) {
      const known = Object.entries(headers).filter(([, value]) => value !== undefined);
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': contentTypes[protocol],
        te: 'trailers',
        ...Object.fromEntries(known),
      });
      let trailers = {};
      stream.on('trailers', (found) => {
        trailers = { ...found };
      });
      stream.end(protocol.startsWith('grpc') ? enveloped(body) : body);
      const [[{ date: _, ...answered }], bytes] = await Promise.all([once(stream, 'response'), buffer(stream)]);
      return { headers: { ...answered, ...trailers }, body: bytes };
    },
    close: () => session.close(),
  };
}

function enveloped(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** An answer of the Connect protocol as `ok`, or as `code REASON`. */
export function outcomeOf({ headers, body }: Answer): string {
  if (headers[':status'] === 200) return 'ok';
  const { code, message }: { code?: string; message?: string } = JSON.parse(body.toString());
  return `${code} ${/\((\w+)\)$/.exec(message ?? '')?.[1] ?? '(no reason)'}`;
}

/** The status of an answer of any protocol, as the number that gRPC has for it. */
export function statusOf({ headers, body }: Answer, protocol: Protocol): number {
  if (protocol === 'connect' || protocol === 'connect-json') {
    const names: Record<string, number> = { '200': 0, '401': 16, '403': 7, '501': 12 };
    return names[String(headers[':status'])] ?? -1;
  }
  // gRPC-Web writes trailers into the body.
  const status = headers['grpc-status'] ?? /grpc-status: *(\d+)/i.exec(body.toString('latin1'))?.[1];
  return Number(status ?? -1);
}

/** All that a caller can tell one answer from another by. */
export const printOf = ({ headers, body }: Answer): string => JSON.stringify([headers, body.toString('latin1')]);
