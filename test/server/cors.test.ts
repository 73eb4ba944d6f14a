import { createClient } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { describe, expect, it } from 'vitest';
import { Health as HealthService } from '../../gen/grpc/health/v1/health_pb.ts';
import { cors } from '../../src/server/cors.ts';
import { Health } from '../../src/server/health.ts';
import { openSession, request, serve } from '../support/edge.ts';

const origin = 'https://app.example.com';
const rpc = '/grpc.health.v1.Health/Check';

const start = (origins: readonly string[] = [origin]) =>
  serve(cors(origins, connectNodeAdapter({ routes: new Health(['a']).routes })));

const preflight = (from: string) => ({
  method: 'OPTIONS',
  headers: { origin: from, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
});

const words = (list: string | null) => list?.toLowerCase().split(', ') ?? [];

const corsHeaders = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('a preflight', () => {
  it('allows what Connect, gRPC-Web and callers of ours send', async () => {
    const { url } = await start();
    const { status, headers } = await fetch(url + rpc, preflight(origin));
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(words(headers.get('access-control-allow-methods'))).toEqual(['post', 'get', 'put', 'patch', 'delete']);
    const needed = 'content-type connect-protocol-version connect-timeout-ms x-grpc-web x-user-agent grpc-timeout';
    const ours = 'authorization x-zitadel-orgid accept-language';
    expect(words(headers.get('access-control-allow-headers'))).toEqual(
      expect.arrayContaining([...needed.split(' '), ...ours.split(' ')]),
    );
    expect(headers.get('access-control-max-age')).toBe('7200');
    expect(words(headers.get('vary'))).toContain('origin');
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });

  it.each(['https://evil.example', 'http://app.example.com', `${origin}:8443`, `${origin}.evil.example`, 'null'])(
    'allows nothing to %s',
    async (other) => {
      const { url } = await start();
      const { headers } = await fetch(url + rpc, preflight(other));
      expect(corsHeaders(headers)).toEqual([]);
      expect(words(headers.get('vary'))).toContain('origin');
    },
  );

  it('works over HTTP/2', async () => {
    const { url } = await start();
    const { headers } = preflight(origin);
    const answer = await request(openSession(url), { ':method': 'OPTIONS', ':path': rpc, ...headers });
    expect(answer.headers).toMatchObject({ ':status': 204, 'access-control-allow-origin': origin });
  });
});

describe('an answer', () => {
  const post = (from: string, service: string) => ({
    method: 'POST',
    headers: { origin: from, 'content-type': 'application/json' },
    body: JSON.stringify({ service }),
  });

  it.each(['a', 'unknown'])('can be read by a page of the origin, service %s', async (service) => {
    const { url } = await start();
    const { headers } = await fetch(url + rpc, post(origin, service));
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(words(headers.get('access-control-expose-headers'))).toEqual(
      expect.arrayContaining(['grpc-status', 'grpc-message', 'grpc-status-details-bin']),
    );
    expect(headers.get('vary')).toBe('Origin');
  });

  it('cannot be read by others', async () => {
    const { url } = await start();
    const { headers } = await fetch(url + rpc, post('https://evil.example', 'a'));
    expect(corsHeaders(headers)).toEqual([]);
    expect(headers.get('vary')).toBe('Origin');
  });

  it.each([createConnectTransport, createGrpcWebTransport])('reaches the web client of %o', async (createTransport) => {
    const { url } = await start();
    const seen: (string | null)[] = [];
    const fetchFromOrigin: typeof fetch = async (input, init) => {
      const response = await fetch(input, { ...init, headers: [...new Headers(init?.headers), ['origin', origin]] });
      seen.push(response.headers.get('access-control-allow-origin'));
      return response;
    };
    const client = createClient(HealthService, createTransport({ baseUrl: url, fetch: fetchFromOrigin }));
    await client.check({});
    expect(seen).toEqual([origin]);
  });

  it('to OPTIONS that is no preflight is the handler’s', async () => {
    const { url } = await start();
    expect((await fetch(url + rpc, { method: 'OPTIONS', headers: { origin } })).status).toBe(405);
  });
});

describe('configuration', () => {
  it('without origins adds nothing', async () => {
    const { url } = await start([]);
    const { headers } = await fetch(url + rpc, preflight(origin));
    expect(corsHeaders(headers)).toEqual([]);
  });

  it.each(['*', 'null', 'https://app.example.com/', 'app.example.com', 'https://*.example.com/x', ''])('refuses %j', (wrong) => {
    expect(() => cors([origin, wrong], () => {})).toThrow('not an origin');
  });
});
