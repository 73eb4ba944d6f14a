import { connect as tcp } from 'node:net';
import { connect as h2connect } from 'node:http2';
import { beforeAll, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
let server: TestServer;
process.on('unhandledRejection', (e) => console.log('UNHANDLED', e));
process.on('uncaughtException', (e) => console.log('UNCAUGHT', e));
beforeAll(async () => { server = await startServer(); });
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms));
async function h2(path: string, delay: number, how: 'destroy' | 'rst' | 'half', headers = {}) {
  const s = h2connect(server.address); s.on('error', () => {});
  await new Promise((r) => s.once('connect', r));
  const q = s.request({ ':method': 'POST', ':path': path, 'content-type': 'application/x-www-form-urlencoded', ...headers });
  q.on('error', () => {}); q.on('response', (h) => console.log('resp', path, how, h[':status']));
  q.write('grant_type=x');
  await wait(delay);
  if (how === 'destroy') s.destroy(); else if (how === 'rst') q.close(8); else { q.end(); await wait(50); s.destroy(); }
}
test('aborts', { timeout: 60000 }, async () => {
  for (const d of [3, 0, 1, 5, 20]) for (const how of ['destroy', 'rst', 'half'] as const) for (const p of ['/oauth/v2/token', '/oauth/v2/introspect', '/oauth/v2/keys', '/v2/users/x/lock', '/v2/users', '/v2/sessions/x']) await h2(p, d, how, p.startsWith('/v2') ? { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' } : {});
  for (const d of [0, 1, 5, 20]) for (const p of ['/oauth/v2/token', '/oauth/v2/keys', '/v2/users/x/lock']) {
    const s = tcp(server.port, '127.0.0.1'); s.on('error', () => {});
    s.write(`POST ${p} HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Bearer ${server.token}\r\nContent-Length: 100\r\n\r\nabc`); await wait(d); s.resetAndDestroy();
  }
  await wait(1500);
  const r = await fetch(`${server.address}/healthz`); console.log('alive', r.status);
});
