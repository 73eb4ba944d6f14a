import { connect as h2connect } from 'node:http2';
import { beforeAll, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { createHuman, createMachine, tokenFor } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
let server: TestServer;
process.on('unhandledRejection', (e) => console.log('UNHANDLED', e));
beforeAll(async () => { server = await startServer({ env: { ROSTER_MAX_TIMEOUT: '2s' } as any }); await createHuman(server, { userId: 'ada' }); });
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms));
const rest = async (path: string, init: RequestInit = {}, token = server.token) => { const r = await fetch(server.address + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }); return [r.status, (await r.text()).slice(0, 230)]; };
test('deep', { timeout: 120000 }, async () => {
  for (const depth of [50, 99, 101, 1000, 3000, 6000, 20000, 200000]) {
    const deep = '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
    const arr = '{"x":' + '['.repeat(depth) + ']'.repeat(depth) + '}';
    for (const body of [`{"publicKeyCredential":${deep}}`, `{"publicKeyCredential":${arr}}`, deep, `{"unknown":${deep}}`]) {
      const r = await rest('/v2/users/ada/passkeys/1', { method: 'POST', body });
      const c = await fetch(`${server.address}/zitadel.user.v2.UserService/VerifyPasskeyRegistration`, { method: 'POST', body, headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' } });
      console.log(depth, r[0], String(r[1]).slice(0, 110), '| connect', c.status, (await c.text()).slice(0, 90));
    }
  }
});
test('query', { timeout: 60000 }, async () => {
  for (const q of ['__proto__=1', '__proto__.x=1', 'constructor=1', 'constructor.prototype.x=1', 'keys=a&keys=b', 'userId=bob', 'user_id=bob&userId=x', 'details.x=1', 'keys[__proto__]=1', 'keys[=1', '%00=1', 'keys=%00', 'keys=%ff', '='.repeat(100), 'keys=' + 'a&keys='.repeat(2000)])
    console.log(q.slice(0, 40), ...(await rest(`/v2/users/ada/metadata?${q}`, { method: 'DELETE' })));
});
test('pat revoke', { timeout: 60000 }, async () => {
  let bad = 0;
  for (let round = 0; round < 15; round++) {
    const userId = await createMachine(server);
    const { token, tokenId } = await server.as().users.addPersonalAccessToken({ userId, expirationDate: { seconds: 2082801600n, nanos: 0 } as any });
    const c = server.as(token).users; let on = true;
    const load = Array.from({ length: 12 }, async () => { while (on) await outcome(c.getUserByID({ userId })); });
    await wait(30);
    await server.as().users.removePersonalAccessToken({ userId, tokenId });
    const after = await Promise.all(Array.from({ length: 20 }, () => outcome(c.getUserByID({ userId }))));
    bad += after.filter((o) => o === 'ok').length; on = false; await Promise.all(load);
  }
  console.log('stale after revocation', bad);
});
test('lock table', { timeout: 60000 }, async () => {
  const m = await tokenFor(server, await createMachine(server));
  const lock = server.sql.begin(async (sql) => { await sql`lock table users in access exclusive mode`; await wait(6000); });
  await wait(100); const t0 = Date.now();
  const all = await Promise.all([server.token, m].flatMap((t) => Array.from({ length: 30 }, () => outcome(server.as(t).users.getUserByID({ userId: 'ada' })))));
  console.log('locked', Date.now() - t0, [...new Set(all)]); const t1 = Date.now();
  const all2 = await Promise.all([server.token, m].flatMap((t) => Array.from({ length: 3 }, () => outcome(server.as(t).users.listUsers({})))));
  console.log('locked gate', Date.now() - t1, [...new Set(all2)]);
  await lock; console.log('after', await outcome(server.as().users.getUserByID({ userId: 'ada' })));
});
test('many tokens', { timeout: 60000 }, async () => {
  const s = h2connect(server.address); await new Promise((r) => s.once('connect', r));
  const g = (globalThis as any).gc; const one = (t: string) => new Promise((r) => { const q = s.request({ ':method': 'GET', ':path': '/v2/users/ada', authorization: `Bearer ${t}` }); q.on('close', r); q.resume(); q.end(); });
  const m0 = process.memoryUsage().heapUsed; const t0 = Date.now();
  for (let i = 0; i < 40; i++) await Promise.all(Array.from({ length: 100 }, (_, n) => one(`x${i}-${n}`.padEnd(8000, 'y'))));
  g?.(); console.log('4000 tokens', Date.now() - t0, 'ms', ((process.memoryUsage().heapUsed - m0) / 1e6).toFixed(1), 'MB'); s.destroy();
});
test('h2 body that never comes', { timeout: 30000 }, async () => {
  const s = h2connect(server.address); await new Promise((r) => s.once('connect', r)); s.on('error', () => {});
  for (const [p, t] of [['/v2/users/ada/lock', server.token], ['/zitadel.user.v2.UserService/GetUserByID', 'wrong'], ['/zitadel.user.v2.UserService/ListUsers', server.token]] as const) {
    const t0 = Date.now(); const q = s.request({ ':method': 'POST', ':path': p, 'content-type': 'application/json', authorization: `Bearer ${t}` });
    const r = await Promise.race([new Promise((r) => q.once('response', (h) => r(h[':status']))), wait(5000).then(() => 'nothing')]); console.log(p, r, Date.now() - t0); q.close();
  } s.destroy();
});
