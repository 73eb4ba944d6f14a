const messageTrailer = 'grpc-message';

/**
 * Encodes grpc-message as the protocol says (PROTOCOL-HTTP2.md, "Percent-Byte-Unencoded"). Connect encodes more, which
 * grpc-js does not undo: people would read `user_id%3A`.
 */
export function plainMessage(trailer: Headers): void {
  const message = trailer.get(messageTrailer);
  if (message) trailer.set(messageTrailer, percentEncoded(decodeURIComponent(message)));
}

const percentEncoded = (text: string) => text.replace(/[^ -$&-~]+/g, encodeURIComponent);
