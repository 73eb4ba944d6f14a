import type { Registry } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { compressionNegotiate, createMethodSerializationLookup } from '@connectrpc/connect/protocol';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { headKey, type NetworkOf } from '../network.ts';
import type { Chosen } from './choose.ts';
import { UnaryContext } from './context.ts';
import { deadlineTimer, unlessOver } from './deadline.ts';
import type { Answer, Exchange } from './exchange.ts';
import { invocation } from './invoke.ts';
import type { UnaryMethod } from './methods.ts';
import type { Compression, Protocol } from './protocol.ts';

/** What holds for every call. */
export interface Rules {
  /** Runs before the body is read, and throws to refuse. */
  gate: (context: UnaryContext) => Promise<void>;
  interceptors: readonly Interceptor[];
  /** Gives an error that is about to be sent its details. */
  explain: (error: ConnectError) => void;
  /** Of the largest message. */
  readMaxBytes: number;
  writeMaxBytes: number;
  /** Milliseconds that a call may take, from its head to its answer. */
  maxTimeoutMs: number;
  networkOf: NetworkOf;
  jsonOptions?: { registry: Registry };
}

/** What serves a method, made once. */
export const servedBy = (unary: UnaryMethod, rules: Rules) => ({
  ...unary,
  invoke: invocation(unary, rules.interceptors),
  serialization: createMethodSerializationLookup(unary.method, undefined, rules.jsonOptions, rules),
});

type Served = ReturnType<typeof servedBy>;

const acceptCompression = [compressionGzip, compressionBrotli];

/** Serves a call. Rejects only where there is not even a refusal to send. */
export async function answerTo(exchange: Exchange, chosen: Chosen<Served>, rules: Rules): Promise<Answer> {
  const { protocol, binary, contentType, unary } = chosen;
  const { headers, body } = exchange;
  const timeout = timeoutOf(protocol, headers[protocol.timeout]);
  const { name: protocolName, trailers } = protocol;
  const context = new UnaryContext(unary.method, exchange, { protocolName, contentType, trailers, timeoutMs: timeout.timeoutMs });
  context.values.set(headKey, { network: rules.networkOf(exchange), authorization: headers.authorization });
  exchange.onHangUp(() => context.end(new ConnectError('the caller has hung up', Code.Canceled)));
  const clear = deadlineTimer(context, rules.maxTimeoutMs);
  const compression = compressionOf(protocol, headers[protocol.acceptEncoding]);
  try {
    await unlessOver(context, rules.gate(context));
    if (timeout.error) throw timeout.error;
    const { message, fault } = await protocol.read(body, context, headers, rules.readMaxBytes);
    const request = unary.serialization.getI(binary).parse(message);
    if (fault) throw fault;
    const answer = await unary.invoke(context, request);
    return await protocol.answer(context, unary.serialization.getO(binary).serialize(answer), compression);
  } catch (error) {
    return protocol.refuse(context, refusalOf(error, rules), compression);
  } finally {
    clear();
  }
}

/** As Connect does, which gives errors that are not its own no words. */
function refusalOf(error: unknown, { explain }: Rules): ConnectError {
  const refusal =
    error instanceof ConnectError ? error : new ConnectError('internal error', Code.Internal, undefined, undefined, error);
  explain(refusal);
  return refusal;
}

type Field = string | string[] | undefined;

function timeoutOf({ parseTimeout }: Protocol, value: Field): ReturnType<Protocol['parseTimeout']> {
  return value === undefined ? {} : parseTimeout(String(value), Number.MAX_SAFE_INTEGER);
}

function compressionOf({ acceptEncoding }: Protocol, accepted: Field): Compression | null {
  if (accepted === undefined) return null;
  return compressionNegotiate(acceptCompression, null, String(accepted), acceptEncoding).response;
}
