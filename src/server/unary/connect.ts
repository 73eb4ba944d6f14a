// Connect's unary calls (https://connectrpc.com/docs/protocol#unary-rpcs).
import { mergeNonProtocolHeaders } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, contentTypeUnaryJson, errorToJsonBytes, parseTimeout } from '@connectrpc/connect/protocol-connect';
import { readBody } from './body.ts';
import type { UnaryContext } from './context.ts';
import { type Answer, type Fields, fieldsOf } from './exchange.ts';
import { isCompressed } from './grpc.ts';
import { type Compression, type Protocol, tooLarge } from './protocol.ts';

export const connect: Protocol = {
  name: 'connect',
  timeout: 'connect-timeout-ms',
  encoding: 'content-encoding',
  acceptEncoding: 'accept-encoding',
  trailers: {},
  parseTimeout,

  async read(body, context, headers, limit) {
    const promised = Number(headers['content-length']);
    if (promised > limit) throw tooLarge(limit, promised);
    const message = await readBody(body, context, ({ length }) => {
      if (length > limit) throw tooLarge(limit);
      return false;
    });
    return { message };
  },

  answer(context, message, compression) {
    const { knownHeader, contentType } = context;
    const headers: Fields = knownHeader ? fieldsOf(knownHeader) : { 'content-type': contentType };
    return answered(200, withTrailers(context, headers), message, compression);
  },

  refuse(context, error, compression) {
    const header = context.responseHeader;
    header.set('content-type', contentTypeUnaryJson);
    // Of an error that came from another server only what it says is passed on.
    if (!('isWireError' in error && error.isWireError === true)) mergeNonProtocolHeaders(header, error.metadata);
    const headers = withTrailers(context, fieldsOf(header));
    return answered(codeToHttpStatus(error.code), headers, errorToJsonBytes(error, undefined), compression);
  },
};

/** Trailers travel as headers of another name. */
function withTrailers({ knownTrailer }: UnaryContext, headers: Fields): Fields {
  if (!knownTrailer) return headers;
  for (const [name, value] of Object.entries(fieldsOf(knownTrailer))) headers[`trailer-${name}`] = value;
  return headers;
}

export function answered(
  status: number,
  headers: Fields,
  bytes: Uint8Array,
  compression: Compression | null,
): Answer | Promise<Answer> {
  const whole = (body: Uint8Array): Answer => {
    headers['content-length'] = String(body.length);
    return { status, headers, body };
  };
  if (!isCompressed(bytes, compression)) return whole(bytes);
  headers['content-encoding'] = compression.name;
  return compression.compress(bytes).then(whole);
}
