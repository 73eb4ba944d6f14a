import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import type { compressionNegotiate } from '@connectrpc/connect/protocol';
import type { UnaryContext } from './context.ts';
import type { Answer } from './exchange.ts';

export type Compression = NonNullable<ReturnType<typeof compressionNegotiate>['response']>;

/** What came as the request's message, not parsed yet. */
export interface Incoming {
  message: Uint8Array;
  /** What is wrong with the request even if the message can be read. */
  fault?: ConnectError | undefined;
}

/** How one of the protocols is spoken. */
export interface Protocol {
  name: 'grpc' | 'grpc-web' | 'connect' | 'rest';
  /** Request headers, in lower case. */
  timeout: string;
  encoding: string;
  acceptEncoding: string;
  /** Fields that the trailers of an answer have from the start. */
  trailers: Record<string, string>;
  parseTimeout(value: string, maxTimeoutMs: number): { timeoutMs?: number; error?: ConnectError | undefined };
  read(body: Readable, context: UnaryContext, headers: IncomingHttpHeaders, limit: number): Promise<Incoming>;
  /** The answer with a message, compressed if the caller takes that and it is long enough. */
  answer(context: UnaryContext, message: Uint8Array, compression: Compression | null): Answer | Promise<Answer>;
  refuse(context: UnaryContext, error: ConnectError, compression: Compression | null): Answer | Promise<Answer>;
}

/** Bytes from which on an answer is worth compressing: what Connect compresses from as well. */
export const compressMinBytes = 1024;

export function tooLarge(limit: number, length?: number): ConnectError {
  const size = length === undefined ? 'message size' : `message size ${length}`;
  return new ConnectError(`${size} is larger than configured readMaxBytes ${limit}`, Code.ResourceExhausted);
}
