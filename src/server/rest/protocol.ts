// Calls by HTTP's own means, as grpc-gateway answers them for the original.
import { create, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { mergeNonProtocolHeaders } from '@connectrpc/connect/protocol';
import { codeToHttpStatus } from '@connectrpc/connect/protocol-connect';
import { parseTimeout } from '@connectrpc/connect/protocol-grpc';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { toldBy } from '../../kernel/errors.ts';
import { answered, connect } from '../unary/connect.ts';
import { type Fields, fieldsOf } from '../unary/exchange.ts';
import type { Compression, Protocol } from '../unary/protocol.ts';

export const contentType = 'application/json';

/** What an answer says of itself beside its content. */
const common: Fields = { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** How calls are read and answered whose answer, when it is none of an error, has this status. */
export const restWith = (status: number): Protocol => ({
  ...connect,
  name: 'rest',
  timeout: 'grpc-timeout',
  parseTimeout,

  async read(body, context, headers, limit) {
    const encoding = headers['content-encoding'] ?? 'identity';
    const incoming = await connect.read(body, context, headers, limit);
    if (encoding === 'identity') return incoming;
    const compression = [compressionGzip, compressionBrotli].find(({ name }) => name === encoding);
    if (!compression) throw new ConnectError(`unknown content encoding ${encoding}`, Code.Unimplemented);
    return { message: await compression.decompress(incoming.message, limit) };
  },

  answer({ knownHeader }, message, compression) {
    return answered(status, { ...(knownHeader && fieldsOf(knownHeader)), ...common }, message, compression);
  },

  refuse: ({ knownHeader }, error, compression) => refusal(error, compression, knownHeader),
});

/** An error as `google.rpc.Status`, and with what HTTP has of its own for it. */
export function refusal(error: ConnectError, compression: Compression | null, header = new Headers()) {
  mergeNonProtocolHeaders(header, error.metadata);
  const headers: Fields = { ...fieldsOf(header), ...common };
  if (error.code === Code.Unauthenticated) headers['www-authenticate'] = 'Bearer';
  const retryAfterMs = toldBy(error)?.retryAfterMs;
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  const body = new TextEncoder().encode(JSON.stringify(statusOf(error)));
  return answered(codeToHttpStatus(error.code), headers, body, compression);
}

/**
 * Details of errors from elsewhere, which we pass on nowhere, have no form here. The one that clients of the original know
 * comes first: many look at no other.
 */
const statusOf = ({ code, rawMessage, details }: ConnectError) => ({
  code,
  message: rawMessage,
  details: details.toSorted(originalFirst).flatMap((detail) => {
    if (!('desc' in detail)) return [];
    const { desc, value } = detail;
    const json = toJson(desc, create(desc, value));
    return typeof json === 'object' ? [{ '@type': `type.googleapis.com/${desc.typeName}`, ...json }] : [];
  }),
});

type Detail = ConnectError['details'][number];

const originalFirst = (a: Detail, b: Detail): number => Number(isOriginal(b)) - Number(isOriginal(a));
const isOriginal = (detail: Detail): boolean => 'desc' in detail && detail.desc.typeName.startsWith('zitadel.');
