// gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md): trailers are a last message.
import { compressedFlag } from '@connectrpc/connect/protocol';
import { parseTimeout, setTrailerStatus, trailerFlag, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import { envelopes, readEnvelope } from './envelope.ts';
import { grpc, headersOf, isCompressed } from './grpc.ts';
import type { Compression, Protocol } from './protocol.ts';

const ok = trailerSerialize(new Headers(grpc.trailers));

export const grpcWeb: Protocol = {
  ...grpc,
  name: 'grpc-web',
  parseTimeout,
  read: (body, context, _headers, limit) => readEnvelope(body, context, limit, trailerFlag),

  answer(context, message, compression) {
    const { knownTrailer } = context;
    const trailer = knownTrailer ? trailerSerialize(knownTrailer) : ok;
    return answered(headersOf(context, compression), compression, [
      { flags: 0, bytes: message },
      { flags: trailerFlag, bytes: trailer },
    ]);
  },

  refuse(context, error, compression) {
    const bytes = trailerSerialize(setTrailerStatus(context.responseTrailer, error));
    return answered(headersOf(context, compression), compression, [{ flags: trailerFlag, bytes }]);
  },
};

interface Part {
  flags: number;
  bytes: Uint8Array;
}

function answered(headers: ReturnType<typeof headersOf>, compression: Compression | null, parts: readonly Part[]) {
  const whole = (ready: readonly Part[]) => {
    const body = envelopes(ready);
    return { status: 200, headers: { ...headers, 'content-length': String(body.length) }, body };
  };
  if (!parts.some(({ bytes }) => isCompressed(bytes, compression))) return whole(parts);
  return Promise.all(parts.map((part) => compressed(part, compression))).then(whole);
}

const compressed = async (part: Part, compression: Compression | null): Promise<Part> =>
  isCompressed(part.bytes, compression)
    ? { flags: part.flags | compressedFlag, bytes: await compression.compress(part.bytes) }
    : part;
