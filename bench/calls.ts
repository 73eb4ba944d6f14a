// gRPC over node:http2 without a client library: what the load costs here, the service does not get on a small machine.
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Address } from './service.ts';

const windowBytes = 4 * 1024 * 1024;
const callersPerConnection = 16;

/** How user n is asked for. */
export interface Asked {
  open(target: Address, callers: number): Callers;
}

export interface Checked extends Asked {
  /** Throws when it is not the answer to the request for user n. */
  verify(answer: Buffer, n: number): void;
}

export interface Callers {
  /** Calls once, and throws unless the answer is no error. Collects it if `keep` is set. */
  call(n: number, keep?: boolean): Promise<Buffer>;
  close(): void;
}

export const overGrpc = ({ path, request }: { path: string; request(n: number): Buffer }): Asked => ({
  open(target, callers) {
    const { call, close } = open(target, callers);
    return { call: (n, keep) => call(path, request(n), keep), close };
  },
});

export interface Connections {
  /** Calls once, and throws unless the answer is a message and OK. Collects the message if `keep` is set. */
  call(path: string, body: Buffer, keep?: boolean): Promise<Buffer>;
  close(): void;
}

/** One connection for each 16 callers, taken in turn. */
export function open({ url, headers }: Address, callers: number): Connections {
  const sessions = Array.from({ length: Math.ceil(callers / callersPerConnection) }, () => {
    const session = connect(url, { settings: { initialWindowSize: windowBytes } });
    session.on('connect', () => session.setLocalWindowSize(windowBytes));
    return session;
  });
  const common = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers', ...headers };
  let turn = 0;
  return {
    call: (path, body, keep = false) => {
      const session = sessions[turn++ % sessions.length];
      if (!session) throw new Error('no connection');
      return exchange(session, { ...common, ':path': path }, body, keep);
    },
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** A message with gRPC's prefix: not compressed, its length. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame.writeUInt8(0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

const prefixBytes = 5;

function exchange(session: ClientHttp2Session, headers: Record<string, string>, body: Buffer, keep: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    const parts: Buffer[] = [];
    let status: unknown;
    let message: unknown;
    const read = (from: Record<string, unknown>) => {
      status ??= from['grpc-status'];
      message ??= from['grpc-message'];
    };
    stream.on('response', read).on('trailers', read);
    if (keep) stream.on('data', (part: Buffer) => parts.push(part));
    else stream.resume();
    stream.on('error', reject);
    stream.on('end', () => {
      if (status === '0') resolve(Buffer.concat(parts).subarray(prefixBytes));
      else reject(new Error(`${headers[':path']} answered ${String(status)} ${String(message)}`));
    });
    stream.end(body);
  });
}
