import { EventEmitter, on } from 'node:events';
import type { ConnectRouter, HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  type HealthCheckRequest,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/grpc/health/v1/health_pb.ts';
import { failure } from '../kernel/errors.ts';

/**
 * Whether the server takes requests, told by the gRPC health protocol
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). All services share one state.
 */
export class Health {
  readonly #names: ReadonlySet<string>;
  readonly #events = new EventEmitter().setMaxListeners(0);
  #serving = false;
  #closed = false;

  /** Of these services and of the empty name, the whole server. Starts as not serving. */
  constructor(serviceNames: readonly string[]) {
    this.#names = new Set(['', ...serviceNames]);
  }

  get serving(): boolean {
    return this.#serving;
  }

  set(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    this.#events.emit('change', this.#status());
  }

  /** Ends all watches after what they have still to tell, so that no stream keeps a server from closing. */
  close(): void {
    this.#closed = true;
    this.#events.emit('close');
  }

  readonly routes = (router: ConnectRouter): void => {
    router.service(HealthService, {
      check: ({ service }) => {
        if (!this.#names.has(service)) throw failure('SERVICE_NOT_FOUND', { metadata: { service } });
        return { status: this.#status() };
      },
      list: () => ({ statuses: Object.fromEntries([...this.#names].map((name) => [name, { status: this.#status() }])) }),
      watch: (request, context) => this.#watch(request, context),
    } satisfies ServiceImpl<typeof HealthService>);
  };

  async *#watch({ service }: HealthCheckRequest, { signal }: HandlerContext) {
    const known = this.#names.has(service);
    const changes = on(this.#events, 'change', { signal, close: ['close'] });
    yield { status: known ? this.#status() : Status.SERVICE_UNKNOWN };
    if (this.#closed) return;
    try {
      for await (const [status] of changes) if (known) yield { status };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #status(): Status {
    return this.#serving ? Status.SERVING : Status.NOT_SERVING;
  }
}
