// gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
import { compressedFlag } from '@connectrpc/connect/protocol';
import { grpcStatusOk, parseTimeout, setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { plainMessage } from '../grpcMessage.ts';
import type { UnaryContext } from './context.ts';
import { envelopes, readEnvelope } from './envelope.ts';
import { type Fields, fieldsOf } from './exchange.ts';
import { type Compression, compressMinBytes, type Protocol } from './protocol.ts';

const trailers = { 'grpc-status': grpcStatusOk };

export const grpc: Protocol = {
  name: 'grpc',
  timeout: 'grpc-timeout',
  encoding: 'grpc-encoding',
  acceptEncoding: 'grpc-accept-encoding',
  trailers,
  parseTimeout,
  read: (body, context, _headers, limit) => readEnvelope(body, context, limit),

  answer(context, message, compression) {
    const { knownTrailer } = context;
    const rest = {
      status: 200,
      headers: headersOf(context, compression),
      trailers: knownTrailer ? fieldsOf(knownTrailer) : trailers,
    };
    if (!isCompressed(message, compression)) return { ...rest, body: envelopes([{ flags: 0, bytes: message }]) };
    return compression.compress(message).then((bytes) => ({ ...rest, body: envelopes([{ flags: compressedFlag, bytes }]) }));
  },

  refuse(context, error, compression) {
    const trailer = setTrailerStatus(context.responseTrailer, error);
    plainMessage(trailer);
    return { status: 200, headers: headersOf(context, compression), body: undefined, trailers: fieldsOf(trailer) };
  },
};

export const isCompressed = (bytes: Uint8Array, compression: Compression | null): compression is Compression =>
  compression !== null && bytes.length >= compressMinBytes;

/** Names the way of compression even if this message is too short for it, as Connect does. */
export function headersOf(context: UnaryContext, compression: Compression | null): Fields {
  const { knownHeader, contentType } = context;
  const headers: Fields = knownHeader ? fieldsOf(knownHeader) : { 'content-type': contentType };
  if (compression) headers['grpc-encoding'] = compression.name;
  return headers;
}
