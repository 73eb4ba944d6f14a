import { create, type DescMethodUnary, type DescService, type Message } from '@bufbuild/protobuf';
import type { ContextValues, Interceptor, UnaryRequest, UnaryResponse } from '@connectrpc/connect';
import { contextKey, type UnaryContext } from './context.ts';
import type { UnaryMethod } from './methods.ts';

/** Takes a request through the interceptors to its handler. Resolves to the answer's message. */
export type Invoke = (context: UnaryContext, message: Message) => Promise<Message>;

type Next = ReturnType<Interceptor>;

/**
 * The interceptors around a handler, put together once. They may look at everything and change header and trailer of the
 * answer in place; of what they hand on in a request's or an answer's stead only the message counts.
 */
export function invocation(unary: UnaryMethod, interceptors: readonly Interceptor[]): Invoke {
  const innermost: Next = async (request) => {
    const context = request.contextValues.get(contextKey);
    if (!context || request.stream) throw new Error('an interceptor has lost the context of its call');
    const answer = await unary.handle(request.message, context);
    return new UnaryAnswer(context, create(context.method.output, answer));
  };
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), innermost);

  return async (context, message) => {
    const response = await chain(new UnaryCall(context, message));
    if (response.stream) throw new Error('an interceptor has made a stream of an answer');
    return response.message;
  };
}

/** What interceptors see of a call. Header and signal are made when somebody asks for them. */
class UnaryCall implements UnaryRequest {
  readonly stream = false;
  readonly requestMethod = 'POST';
  readonly contextValues: ContextValues;
  readonly message: Message;
  readonly #context: UnaryContext;

  constructor(context: UnaryContext, message: Message) {
    this.#context = context;
    this.contextValues = context.values;
    this.message = message;
  }

  get service(): DescService {
    return this.#context.service;
  }

  get method(): DescMethodUnary {
    return this.#context.method;
  }

  get url(): string {
    return this.#context.url;
  }

  get header(): Headers {
    return this.#context.requestHeader;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }
}

class UnaryAnswer implements UnaryResponse {
  readonly stream = false;
  readonly message: Message;
  readonly #context: UnaryContext;

  constructor(context: UnaryContext, message: Message) {
    this.#context = context;
    this.message = message;
  }

  get service(): DescService {
    return this.#context.service;
  }

  get method(): DescMethodUnary {
    return this.#context.method;
  }

  get header(): Headers {
    return this.#context.responseHeader;
  }

  get trailer(): Headers {
    return this.#context.responseTrailer;
  }
}
