import type { DescMethodUnary } from '@bufbuild/protobuf';
import {
  type ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect';
import { type Exchange, webHeaders } from './exchange.ts';

/** What the protocol says of a call before its body is looked at. */
export interface Head {
  protocolName: string;
  contentType: string;
  /** Fields that an answer's trailers have from the start. */
  trailers: Record<string, string>;
  timeoutMs: number | undefined;
}

/** Of calls on the lean path: their own context. */
export const contextKey = createContextKey<UnaryContext | undefined>(undefined, { description: 'the context of the handler' });

/**
 * What a handler learns of its call. Headers and signal are made when somebody asks for them: most calls end without.
 */
export class UnaryContext implements HandlerContext {
  readonly requestMethod = 'POST';
  readonly service: HandlerContext['service'];
  readonly values: ContextValues;
  /** Called when the call is over before it has been answered. */
  onOver: ((reason: ConnectError) => void) | undefined;
  /** Refuses by throwing, before more than a little of the body is read. */
  beforeMore: (() => Promise<void>) | undefined;
  readonly method: DescMethodUnary;
  readonly #exchange: Exchange;
  readonly #head: Head;
  readonly #deadline: number | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #controller: AbortController | undefined;
  #over: ConnectError | undefined;

  constructor(method: DescMethodUnary, exchange: Exchange, head: Head) {
    this.method = method;
    this.values = createContextValues().set(contextKey, this);
    this.service = method.parent;
    this.#exchange = exchange;
    this.#head = head;
    this.#deadline = head.timeoutMs === undefined ? undefined : Date.now() + head.timeoutMs;
  }

  get protocolName(): string {
    return this.#head.protocolName;
  }

  get contentType(): string {
    return this.#head.contentType;
  }

  get url(): string {
    const { encrypted, authority, path } = this.#exchange;
    return new URL(path, `${encrypted ? 'https' : 'http'}://${authority}`).toString();
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= webHeaders(this.#exchange.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers({ 'content-type': this.#head.contentType });
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers(this.#head.trailers);
    return this.#responseTrailer;
  }

  /** The answer's header if anybody has asked for it. */
  get knownHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  get knownTrailer(): Headers | undefined {
    return this.#responseTrailer;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#over) this.#controller.abort(this.#over);
    }
    return this.#controller.signal;
  }

  /** Why the call is over before it has been answered, if it is. */
  get over(): ConnectError | undefined {
    return this.#over;
  }

  readonly timeoutMs = (): number | undefined => (this.#deadline === undefined ? undefined : this.#deadline - Date.now());

  end(reason: ConnectError): void {
    if (this.#over) return;
    this.#over = reason;
    this.#controller?.abort(reason);
    this.onOver?.(reason);
  }
}
