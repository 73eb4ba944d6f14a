import { describe, expect, it, vi } from 'vitest';
import { probes, type ReadyReport } from '../../src/server/probes.ts';
import { openSession, request, serve } from '../support/edge.ts';

const start = (check: () => Promise<ReadyReport>) =>
  serve(
    probes(check, (_, response) => {
      response.writeHead(418);
      response.end();
    }),
  );

const ready = { ready: true, checks: { database: true }, notices: {} };
const notReady = { ready: false, checks: { database: false }, notices: {} };

describe('/healthz', () => {
  it('is fine while nothing else is', async () => {
    const { url } = await start(() => Promise.reject(new Error('away')));
    const response = await fetch(`${url}/healthz`);
    expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
  });
});

describe('/readyz', () => {
  it('tells what it rests on', async () => {
    const { url } = await start(async () => ready);
    const response = await fetch(`${url}/readyz?verbose`);
    expect([response.status, await response.json()]).toEqual([200, ready]);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('is 503 when the check says no, over HTTP/2 too', async () => {
    const { url } = await start(async () => notReady);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const { headers, body } = await request(openSession(url), { ':path': '/readyz' });
    expect([headers[':status'], JSON.parse(body)]).toEqual([503, notReady]);
  });

  it('is 503 when the check fails, and does not say why', async () => {
    const { url } = await start(() => Promise.reject(new Error('password of 10.0.0.1 wrong')));
    const response = await fetch(`${url}/readyz`);
    expect([response.status, await response.json()]).toEqual([503, { ready: false, checks: {}, notices: {} }]);
  });

  it('runs one check for all who ask at once, and a new one for the next', async () => {
    const { promise, resolve } = Promise.withResolvers<ReadyReport>();
    const check = vi.fn(() => promise);
    const { url } = await start(check);
    const asked = [fetch(`${url}/readyz`), fetch(`${url}/readyz`)];
    await vi.waitFor(() => expect(check).toHaveBeenCalled());
    const third = fetch(`${url}/healthz`);
    await third;
    resolve(ready);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
    await fetch(`${url}/readyz`);
    expect(check).toHaveBeenCalledTimes(2);
  });
});

it.each(['/healthz', '/readyz'])('%s answers HEAD without a body and refuses other methods', async (path) => {
  const { url } = await start(async () => ready);
  const head = await fetch(url + path, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
  const post = await fetch(url + path, { method: 'POST' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

it('leaves other paths to the handler', async () => {
  const { url } = await start(async () => ready);
  expect((await fetch(`${url}/healthz/more`)).status).toBe(418);
});
