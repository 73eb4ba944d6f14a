import type { IncomingHttpHeaders } from 'node:http';
import { contentTypeUnaryJson, contentTypeUnaryProto } from '@connectrpc/connect/protocol-connect';
import { contentTypeJson as grpcJson, contentTypeProto as grpcProto } from '@connectrpc/connect/protocol-grpc';
import { contentTypeJson as webJson, contentTypeProto as webProto } from '@connectrpc/connect/protocol-grpc-web';
import { connect } from './connect.ts';
import { grpc } from './grpc.ts';
import { grpcWeb } from './grpcWeb.ts';
import type { Protocol } from './protocol.ts';

export interface Form {
  protocol: Protocol;
  binary: boolean;
  /** Of the answer. */
  contentType: string;
}

/** The spellings that clients send; whoever has another one is answered by Connect, which takes more. */
const forms = new Map<string | undefined, Form>([
  ['application/grpc', { protocol: grpc, binary: true, contentType: grpcProto }],
  ['application/grpc+proto', { protocol: grpc, binary: true, contentType: grpcProto }],
  ['application/grpc+json', { protocol: grpc, binary: false, contentType: grpcJson }],
  ['application/grpc-web', { protocol: grpcWeb, binary: true, contentType: webProto }],
  ['application/grpc-web+proto', { protocol: grpcWeb, binary: true, contentType: webProto }],
  ['application/grpc-web+json', { protocol: grpcWeb, binary: false, contentType: webJson }],
  ['application/proto', { protocol: connect, binary: true, contentType: contentTypeUnaryProto }],
  ['application/json', { protocol: connect, binary: false, contentType: contentTypeUnaryJson }],
  ['application/json; charset=utf-8', { protocol: connect, binary: false, contentType: contentTypeUnaryJson }],
]);

/** `M`: what there is to know of a method. */
export interface Chosen<M> extends Form {
  unary: M;
}

interface Request {
  httpVersion: 1 | 2;
  method: string | undefined;
  path: string;
  headers: IncomingHttpHeaders;
}

/**
 * Whether a request is one that the lean path serves, and how: a POST to a unary method, in one of the usual forms, not
 * compressed. Everything else is Connect's: streams, GET, compressed requests, gRPC over HTTP/1.1, whatever is odd.
 */
export function choose<M>(
  methods: ReadonlyMap<string, M>,
  { httpVersion, method, path, headers }: Request,
): Chosen<M> | undefined {
  if (method !== 'POST') return undefined;
  const unary = methods.get(path);
  const form = forms.get(headers['content-type']);
  if (!unary || !form) return undefined;
  const encoding = headers[form.protocol.encoding] ?? 'identity';
  const isOdd = encoding !== 'identity' || headers.expect !== undefined;
  if (isOdd || (form.protocol === grpc && httpVersion === 1)) return undefined;
  return { ...form, unary };
}
