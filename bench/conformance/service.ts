// What the suite has a server do: say what came, and answer as the request says.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type FileRegistry,
  fromJson,
  type JsonObject,
  type Message,
} from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { messageOf, packageName, plain, typed } from './protos.ts';

interface Field {
  name: string;
  value?: string[];
}

interface Failure {
  code: string;
  message?: string;
  details?: (JsonObject & { '@type': string })[];
}

interface Definition {
  responseHeaders?: Field[];
  responseTrailers?: Field[];
  /** One for a single answer, a list for a stream of them. Base64. */
  responseData?: string | string[];
  responseDelayMs?: number;
  error?: Failure;
}

interface Request extends JsonObject {
  '@type': string;
}

interface Seen extends JsonObject {
  requests: Request[];
}

export const conformanceRoutes = (registry: FileRegistry) => (router: ConnectRouter) => {
  const service = registry.getService(`${packageName}.ConformanceService`);
  if (!service) throw new Error('the suite has no service');

  const requestOf = (message: Message): Request => ({
    '@type': `type.googleapis.com/${message.$typeName}`,
    ...JSON.parse(plain(registry, message)),
  });
  const definitionOf = (request: Request | undefined): Definition =>
    JSON.parse(JSON.stringify(request?.responseDefinition ?? {}));

  function seen({ requestHeader, timeoutMs, url, requestMethod }: HandlerContext, requests: Request[]): Seen {
    const left = timeoutMs();
    const query = requestMethod === 'GET' ? new URL(url).searchParams : undefined;
    return {
      requestHeaders: [...requestHeader].map(([name, value]) => ({ name, value: [value] })),
      requests,
      ...(left !== undefined && { timeoutMs: String(Math.max(0, Math.round(left))) }),
      ...(query && { connectGetInfo: { queryParams: [...query].map(([name, value]) => ({ name, value: [value] })) } }),
    };
  }

  function errorOf({ code, message, details = [] }: Failure, info: Seen | undefined): ConnectError {
    const packed = details.map(({ '@type': type, ...value }) => {
      const desc = messageOf(registry, type.slice(type.lastIndexOf('/') + 1));
      return { desc, value: fromJson(desc, value, { registry }) };
    });
    if (info) {
      const desc = messageOf(registry, `${packageName}.ConformancePayload.RequestInfo`);
      packed.push({ desc, value: fromJson(desc, info, { registry }) });
    }
    const name = code.replace(/^CODE_/, '').toLowerCase();
    return new ConnectError(message ?? '', codeFromString(name) ?? Code.Unknown, undefined, packed);
  }

  function addFields(context: HandlerContext, { responseHeaders = [], responseTrailers = [] }: Definition): void {
    for (const { name, value = [] } of responseHeaders) for (const one of value) context.responseHeader.append(name, one);
    for (const { name, value = [] } of responseTrailers) for (const one of value) context.responseTrailer.append(name, one);
  }

  async function single(type: string, requests: Request[], context: HandlerContext): Promise<Message> {
    const definition = definitionOf(requests[0]);
    const info = seen(context, requests);
    addFields(context, definition);
    await pause(definition, context);
    if (definition.error) throw errorOf(definition.error, info);
    const { responseData } = definition;
    const data = typeof responseData === 'string' ? responseData : '';
    return typed(registry, type, { payload: { requestInfo: info, data } });
  }

  const answersOf = ({ responseData }: Definition) => (Array.isArray(responseData) ? [...responseData] : []);

  async function* stream(type: string, definition: Definition, info: Seen, context: HandlerContext) {
    addFields(context, definition);
    let sent = 0;
    for (const data of answersOf(definition)) {
      await pause(definition, context);
      yield typed(registry, type, { payload: { data, ...(sent++ === 0 && { requestInfo: info }) } });
    }
    if (definition.error) throw errorOf(definition.error, sent === 0 ? info : undefined);
  }

  async function* bidi(requests: AsyncIterable<Message>, context: HandlerContext) {
    let definition: Definition | undefined;
    let duplex = false;
    let waiting: Request[] = [];
    let answers: string[] = [];
    let sent = 0;
    for await (const message of requests) {
      const request = requestOf(message);
      waiting.push(request);
      if (!definition) {
        definition = definitionOf(request);
        duplex = request.fullDuplex === true;
        answers = answersOf(definition);
        addFields(context, definition);
      }
      if (!duplex) continue;
      const data = answers.shift();
      if (data === undefined) break;
      await pause(definition, context);
      const requestInfo = sent++ === 0 ? seen(context, waiting) : { requests: waiting };
      yield typed(registry, 'BidiStreamResponse', { payload: { data, requestInfo } });
      waiting = [];
    }
    for (const data of answers) {
      await pause(definition, context);
      const first = sent++ === 0;
      yield typed(registry, 'BidiStreamResponse', { payload: { data, ...(first && { requestInfo: seen(context, waiting) }) } });
    }
    if (definition?.error) throw errorOf(definition.error, sent === 0 ? seen(context, waiting) : undefined);
  }

  const { unary, idempotentUnary, unimplemented, clientStream, serverStream, bidiStream } = service.method;
  if (isUnary(unary)) {
    router.rpc(unary, (message, context) => single('UnaryResponse', [requestOf(message)], context));
  }
  if (isUnary(idempotentUnary)) {
    router.rpc(idempotentUnary, (message, context) => single('IdempotentUnaryResponse', [requestOf(message)], context));
  }
  if (isUnary(unimplemented)) {
    router.rpc(unimplemented, () => {
      throw new ConnectError('not implemented', Code.Unimplemented);
    });
  }
  if (takesStream(clientStream)) {
    router.rpc(clientStream, async (messages, context) => {
      const requests: Request[] = [];
      for await (const message of messages) requests.push(requestOf(message));
      return single('ClientStreamResponse', requests, context);
    });
  }
  if (givesStream(serverStream)) {
    router.rpc(serverStream, (message, context) => {
      const request = requestOf(message);
      return stream('ServerStreamResponse', definitionOf(request), seen(context, [request]), context);
    });
  }
  if (isBidi(bidiStream)) router.rpc(bidiStream, bidi);
};

type Found = DescMethod | undefined;

const isUnary = (method: Found): method is DescMethodUnary => method?.methodKind === 'unary';
const takesStream = (method: Found): method is DescMethodClientStreaming => method?.methodKind === 'client_streaming';
const givesStream = (method: Found): method is DescMethodServerStreaming => method?.methodKind === 'server_streaming';
const isBidi = (method: Found): method is DescMethodBiDiStreaming => method?.methodKind === 'bidi_streaming';

/** The delay that the request asks for; ends with the call. */
async function pause(definition: Definition | undefined, { signal }: HandlerContext): Promise<void> {
  const ms = definition?.responseDelayMs ?? 0;
  if (ms === 0) return;
  await sleep(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
