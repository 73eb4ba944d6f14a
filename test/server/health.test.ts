import { Code, ConnectError, createClient, type Interceptor, type Transport } from '@connectrpc/connect';
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { Health as HealthService, HealthCheckResponse_ServingStatus as Status } from '../../gen/grpc/health/v1/health_pb.ts';
import { Health } from '../../src/server/health.ts';
import { serve, serveRoutes, tls } from '../support/edge.ts';

const service = 'zitadel.user.v2.UserService';

afterAll(() => vi.restoreAllMocks());

async function start() {
  const health = new Health([service]);
  const { url } = await serveRoutes(health.routes);
  return { health, client: createClient(HealthService, createGrpcTransport({ baseUrl: url })) };
}

/** Takes one state after the other from a watch. */
async function next(watch: AsyncIterator<{ status: Status }>): Promise<Status | 'end'> {
  const { done, value } = await watch.next();
  return done ? 'end' : value.status;
}

describe('every transport', () => {
  const nodeOptions = { ca: tls.cert };
  const transports: Record<string, (baseUrl: string) => Transport> = {
    gRPC: (baseUrl) => createGrpcTransport({ baseUrl, nodeOptions }),
    'gRPC-Web over HTTP/1.1': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1', nodeOptions }),
    'gRPC-Web over HTTP/2': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '2', nodeOptions }),
    'Connect over HTTP/1.1': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1', nodeOptions }),
    'Connect over HTTP/2': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2', nodeOptions }),
    'Connect in binary': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true, nodeOptions }),
  };

  for (const [name, transport] of Object.entries(transports)) {
    for (const options of [{}, { tls }]) {
      it(`${name}${options.tls ? ' and TLS' : ''} asks and watches`, async () => {
        const health = new Health([service]);
        health.set(true);
        const { url } = await serveRoutes(health.routes, options);
        const client = createClient(HealthService, transport(url));
        expect((await client.check({ service })).status).toBe(Status.SERVING);
        const watch = client.watch({ service })[Symbol.asyncIterator]();
        expect(await next(watch)).toBe(Status.SERVING);
        health.set(false);
        expect(await next(watch)).toBe(Status.NOT_SERVING);
        health.close();
        expect(await next(watch)).toBe('end');
      });
    }
  }
});

describe('Check', () => {
  it('tells of the server and of its services', async () => {
    const { health, client } = await start();
    expect((await client.check({})).status).toBe(Status.NOT_SERVING);
    health.set(true);
    expect((await client.check({})).status).toBe(Status.SERVING);
    expect((await client.check({ service })).status).toBe(Status.SERVING);
    expect(health.serving).toBe(true);
  });

  it('does not know other services', async () => {
    const { client } = await start();
    const error = await client.check({ service: 'no.Service' }).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: expect.stringContaining('(SERVICE_NOT_FOUND)') });
  });
});

describe('List', () => {
  it('tells of all', async () => {
    const { health, client } = await start();
    health.set(true);
    const { statuses } = await client.list({});
    const states = Object.entries(statuses).map(([name, { status }]) => [name, status]);
    expect(states).toEqual([
      ['', Status.SERVING],
      [service, Status.SERVING],
    ]);
  });
});

describe('Watch', () => {
  const warnings = vi.spyOn(process, 'emitWarning');
  afterEach(() => {
    warnings.mockClear();
  });

  it('tells each change, and only changes', async () => {
    const { health, client } = await start();
    const watch = client.watch({})[Symbol.asyncIterator]();
    expect(await next(watch)).toBe(Status.NOT_SERVING);
    health.set(false);
    health.set(true);
    health.set(true);
    health.set(false);
    expect(await next(watch)).toBe(Status.SERVING);
    expect(await next(watch)).toBe(Status.NOT_SERVING);
    health.set(true);
    expect(await next(watch)).toBe(Status.SERVING);
  });

  it('stays open for a service it does not know', async () => {
    const { health, client } = await start();
    const watch = client.watch({ service: 'no.Service' })[Symbol.asyncIterator]();
    expect(await next(watch)).toBe(Status.SERVICE_UNKNOWN);
    const rest = next(watch);
    health.set(true);
    expect((await client.check({})).status).toBe(Status.SERVING);
    health.close();
    expect(await rest).toBe('end');
  });

  it('tells the last change before it ends, and ends at once after', async () => {
    const { health, client } = await start();
    health.set(true);
    const watch = client.watch({})[Symbol.asyncIterator]();
    expect(await next(watch)).toBe(Status.SERVING);
    health.set(false);
    health.close();
    expect(await next(watch)).toBe(Status.NOT_SERVING);
    expect(await next(watch)).toBe('end');
    const late = client.watch({})[Symbol.asyncIterator]();
    expect(await next(late)).toBe(Status.NOT_SERVING);
    expect(await next(late)).toBe('end');
  });

  it('takes a caller who hangs up for no fault', async () => {
    const ends: unknown[] = [];
    const noteEnd: Interceptor = (next) => async (request) => {
      const response = await next(request);
      if (!response.stream) return response;
      const { message } = response;
      async function* noted() {
        try {
          yield* message;
          ends.push('end');
        } catch (error) {
          ends.push(error);
        }
      }
      return { ...response, message: noted() };
    };
    const health = new Health([]);
    const { url } = await serve(connectNodeAdapter({ routes: health.routes, interceptors: [noteEnd] }));
    const abort = new AbortController();
    const client = createClient(HealthService, createGrpcTransport({ baseUrl: url }));
    const watch = client.watch({}, { signal: abort.signal })[Symbol.asyncIterator]();
    await next(watch);
    abort.abort();
    await expect(watch.next()).rejects.toMatchObject({ code: Code.Canceled });
    await vi.waitFor(() => expect(ends).toEqual(['end']));
  });

  it('serves many at once, and lets go of who hangs up', async () => {
    const { health, client } = await start();
    const abort = new AbortController();
    const watches = Array.from({ length: 50 }, () => client.watch({}, { signal: abort.signal })[Symbol.asyncIterator]());
    for (const watch of watches) expect(await next(watch)).toBe(Status.NOT_SERVING);
    const errors = vi.spyOn(console, 'error');
    abort.abort();
    for (const watch of watches) await expect(watch.next()).rejects.toMatchObject({ code: Code.Canceled });
    health.set(true);
    expect((await client.check({})).status).toBe(Status.SERVING);
    expect(errors).not.toHaveBeenCalled();
    expect(warnings).not.toHaveBeenCalled();
  });
});
