import { create, type Message } from '@bufbuild/protobuf';
import { createContextKey, type Interceptor, type UnaryRequest, type UnaryResponse } from '@connectrpc/connect';
import type { UnaryContext } from './context.ts';
import type { UnaryMethod } from './methods.ts';

/** Takes a request through the interceptors to its handler. Resolves to the answer's message. */
export type Invoke = (context: UnaryContext, message: Message) => Promise<Message>;

type Next = ReturnType<Interceptor>;

const contextKey = createContextKey<UnaryContext | undefined>(undefined, { description: 'the context of the handler' });

/**
 * The interceptors around a handler, put together once. They may look at everything and change header and trailer of the
 * answer in place; of what they hand on in a request's or an answer's stead only the message counts.
 */
export function invocation(unary: UnaryMethod, interceptors: readonly Interceptor[]): Invoke {
  const innermost: Next = async (request) => {
    const context = request.contextValues.get(contextKey);
    if (!context || request.stream) throw new Error('an interceptor has lost the context of its call');
    const answer = await unary.handle(request.message, context);
    return responseOf(context, create(context.method.output, answer));
  };
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), innermost);

  return async (context, message) => {
    context.values.set(contextKey, context);
    const response = await chain(requestOf(context, message));
    if (response.stream) throw new Error('an interceptor has made a stream of an answer');
    return response.message;
  };
}

const requestOf = (context: UnaryContext, message: Message): UnaryRequest => ({
  stream: false,
  service: context.service,
  method: context.method,
  requestMethod: context.requestMethod,
  contextValues: context.values,
  message,
  get url() {
    return context.url;
  },
  get header() {
    return context.requestHeader;
  },
  get signal() {
    return context.signal;
  },
});

const responseOf = (context: UnaryContext, message: Message): UnaryResponse => ({
  stream: false,
  service: context.service,
  method: context.method,
  message,
  get header() {
    return context.responseHeader;
  },
  get trailer() {
    return context.responseTrailer;
  },
});
