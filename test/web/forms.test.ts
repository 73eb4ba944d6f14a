import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { pino } from 'pino';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { failure } from '../../src/kernel/errors.ts';
import { pagePaths } from '../../src/kernel/links.ts';
import { en } from '../../src/web/en.ts';
import { maximumFormBytes } from '../../src/web/form.ts';
import { refusalOf } from '../../src/web/problems.ts';
import { servePages } from '../../src/web/servePages.ts';
import { style } from '../../src/web/style.ts';
import { createHuman, leaveCode, readHuman, unique } from '../support/actors.ts';
import { openPage, sendForm, textOf } from '../support/pages.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let open: TestServer;
const origin = 'https://app.example.com';

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_CORS_ORIGINS: origin } });
  open = await startServer({ beside: server, env: { ROSTER_PUBLIC_URL: '' } });
});

/** A person with a code, the link to verify it, and whether that has happened. */
async function reader(at = server) {
  const userId = await createHuman(server, {
    email: { email: `${unique('reader')}@example.net`, verification: { case: 'isVerified', value: false } },
  });
  await leaveCode(server, userId, 'email', 'ABC123');
  const link = `${at.address}${pagePaths.email}?userID=${userId}&code=ABC123`;
  return { link, isVerified: async () => (await readHuman(server, userId)).email.isVerified };
}

describe('a form from elsewhere does nothing:', () => {
  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the domain', { 'sec-fetch-site': 'same-site' }],
  ])('one that the browser says came from %s', async (_, headers) => {
    const { link, isVerified } = await reader();
    const refused = await sendForm(link, await openPage(link), {}, headers);
    expect(refused).toMatchObject({ status: 403, html: '' });
    expect(await isVerified()).toBe(false);
  });

  test.each([
    ['without the cookie', { cookie: '' }, {}],
    ['with the cookie of another browser', { cookie: `__Host-roster-form=${'A'.repeat(43)}` }, {}],
    ['with a cookie without its prefix', { cookie: `roster-form=${'A'.repeat(43)}` }, { token: 'A'.repeat(43) }],
    ['with an empty token in both', { cookie: '__Host-roster-form=' }, { token: '' }],
    ['with a token that is none in both', { cookie: '__Host-roster-form=undefined' }, { token: 'undefined' }],
    ['without a token', {}, { token: '' }],
    ['with another token', {}, { token: 'A'.repeat(43) }],
  ])('one %s; it is shown again and works then', async (_, changed, typed) => {
    const { link, isVerified } = await reader();
    const refused = await sendForm(link, { ...(await openPage(link)), ...changed }, typed);
    expect(refused.status).toBe(403);
    expect(textOf(refused.html, 'main')).toContain('Please try again.');
    expect(await isVerified()).toBe(false);
    expect((await sendForm(link, refused)).status).toBe(200);
    expect(await isVerified()).toBe(true);
  });

  test('several open pages share a cookie, each browser has its own', async () => {
    const { link } = await reader();
    const first = await openPage(link);
    const second = await openPage(link, { cookie: `a=b; ${first.cookie}; c=d` });
    expect(second.fields.token).toBe(first.fields.token);
    expect((await openPage(link)).fields.token).not.toBe(first.fields.token);
    expect(first.fields.token).toMatch(/^[\w-]{43}$/);
  });

  test('the cookie is for this host, for no script and for no other site; over https only where browsers come so', async () => {
    const secure = (await openPage((await reader()).link)).headers.get('set-cookie');
    expect(secure).toMatch(/^__Host-roster-form=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    const { link, isVerified } = await reader(open);
    const page = await openPage(link);
    expect(page.headers.get('set-cookie')).toMatch(/^roster-form=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect((await sendForm(link, page)).status).toBe(200);
    expect(await isVerified()).toBe(true);
  });
});

test('wrong tries on the pages count for the network that they come from, whomever they name', async () => {
  const few = await startServer({ beside: server, env: { ROSTER_TRIES_PER_NETWORK: '10', ROSTER_TRUSTED_PROXIES: '127.0.0.1' } });
  const { link } = await reader(few);
  const form = await openPage(link);
  const tryFrom = (address: string, typed: Record<string, string> = {}) =>
    sendForm(link, form, typed, { 'x-forwarded-for': address });
  for (let i = 0; i < 10; i++) {
    expect((await tryFrom('192.0.2.1', { userID: `nobody-${i}`, code: 'ZZZZZZ' })).status).toBe(422);
  }
  expect((await tryFrom('192.0.2.1')).status).toBe(429);
  expect((await tryFrom('192.0.2.2')).status).toBe(200);
});

test('no line of the log holds what a link, a form or a cookie held', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const http = createServer(
    servePages(
      { ...server.app, log },
      () => 'test',
      () => {},
    ),
  ).listen(0, '127.0.0.1');
  onTestFinished(() => void http.close());
  await once(http, 'listening');
  const address = http.address();
  const { link } = await reader();
  const url = new URL(link);
  url.port = typeof address === 'object' ? String(address?.port) : '';
  const page = await openPage(url.href);
  await sendForm(url.href, page, { code: 'ZZZZZZ', password: 'a-password' });
  await sendForm(url.href, page, { token: 'B'.repeat(43) });
  await sendForm(url.href, page);
  await openPage(`${url.origin}/ui/ABC123`);
  expect(lines.map((line) => JSON.parse(line).status)).toEqual([200, 422, 403, 200, 404]);
  const secrets = ['ABC123', 'ZZZZZZ', 'a-password', page.fields.token ?? 'none'];
  for (const secret of secrets) expect(lines.join('')).not.toContain(secret);
});

test('no script of another origin reads a page, not even of one that may call the RPCs', async () => {
  const { link } = await reader();
  const { headers } = await openPage(link, { origin });
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  const preflight = await fetch(link, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
  expect(preflight.status).toBe(405);
  expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])('%s is no method of a page', async (method) => {
  const { link, isVerified } = await reader();
  const response = await fetch(link, { method });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
  expect(await isVerified()).toBe(false);
});

test('HEAD is GET without the page', async () => {
  const { link } = await reader();
  const response = await fetch(link, { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('');
  expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength((await openPage(link)).html)));
});

test.each(['/ui/', '/ui/login', `${pagePaths.email}/`, '/ui/assets/', '/ui/login/mail/verification.php'])(
  '%s is no page, and says so to people',
  async (path) => {
    const { status, html, headers } = await openPage(server.address + path);
    expect(status).toBe(404);
    expect(textOf(html, 'h1')).toBe('There is no such page');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  },
);

test('what is not under /ui/ is none of the pages', async () => {
  for (const path of ['/', '/ui', '/uix/login', '/healthz']) {
    expect((await fetch(server.address + path)).headers.get('content-security-policy')).toBeNull();
  }
});

describe('a body', () => {
  const post = async (link: string, headers: Record<string, string>, body: string) => {
    const { cookie, fields } = await openPage(link);
    const filled = body.replace('FIELDS', new URLSearchParams(fields).toString());
    return fetch(link, { method: 'POST', headers: { cookie, ...headers }, body: filled });
  };
  const urlencoded = 'application/x-www-form-urlencoded';

  test.each([
    ['JSON', 415, { 'content-type': 'application/json' }, 'FIELDS'],
    ['text', 415, { 'content-type': 'text/plain' }, 'FIELDS'],
    ['several parts', 415, { 'content-type': 'multipart/form-data; boundary=x' }, 'FIELDS'],
    ['compressed', 415, { 'content-type': urlencoded, 'content-encoding': 'gzip' }, 'FIELDS'],
    ['too long', 413, { 'content-type': urlencoded }, `FIELDS&x=${'x'.repeat(maximumFormBytes)}`],
    ['with a NUL in it', 400, { 'content-type': urlencoded }, 'FIELDS&password=%00'],
    ['a form', 200, { 'content-type': 'Application/X-WWW-Form-URLencoded; charset=UTF-8' }, 'FIELDS'],
    ['a form with broken escapes beside', 200, { 'content-type': urlencoded }, 'FIELDS&x=%E0%A4%A&&=&%'],
  ])('that is %s is answered %i', async (_, status, headers, body) => {
    const { link, isVerified } = await reader();
    expect((await post(link, headers, body)).status).toBe(status);
    expect(await isVerified()).toBe(status === 200);
  });

  test('that never ends is cut off, and its connection closed', async () => {
    const { hostname, port } = new URL(server.address);
    const socket = connect(Number(port), hostname);
    const answered = Promise.withResolvers<string>();
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => answered.resolve(text));
    socket.write(
      `POST ${pagePaths.email} HTTP/1.1\r\nHost: x\r\nContent-Type: ${urlencoded}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
    for (let sent = 0; sent <= maximumFormBytes; sent += 1024) socket.write(chunk);
    expect(await answered.promise).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close/i);
  });

  test('that a caller gives up on leaves the service as it was', async () => {
    const { hostname, port } = new URL(server.address);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST ${pagePaths.email} HTTP/1.1\r\nHost: x\r\nContent-Type: ${urlencoded}\r\nContent-Length: 9\r\n\r\nuser`,
      () => socket.destroy(),
    );
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await openPage((await reader()).link)).status).toBe(200);
  });
});

test('a page works over HTTP/2, and a long body costs it no more than over HTTP/1.1', async () => {
  const { link, isVerified } = await reader();
  const page = await openPage(link);
  const session = connectHttp2(server.address);
  const send = (body: string) =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': pagePaths.email,
        'content-type': 'application/x-www-form-urlencoded',
        cookie: page.cookie,
      });
      stream.on('response', (headers) => resolve(Number(headers[':status'])));
      stream.on('error', reject);
      stream.resume();
      stream.end(body);
    });
  const fields = new URLSearchParams(page.fields).toString();
  expect(await send(`${fields}&x=${'x'.repeat(maximumFormBytes)}`)).toBe(413);
  expect(await isVerified()).toBe(false);
  expect(await send(fields)).toBe(200);
  expect(await isVerified()).toBe(true);
  session.close();
});

describe('a failure is told as', () => {
  test.each([
    [failure('USER_NOT_FOUND'), 422, en.link, 'code'],
    [failure('CODE_INVALID'), 422, en.link, 'code'],
    [failure('CODE_WRONG'), 422, en.link, 'code'],
    [failure('CODE_ABSENT'), 422, en.link, 'code'],
    [failure('USER_INITIAL'), 422, en.link, 'code'],
    [
      failure('TRIED_TOO_OFTEN', { retryAfterMs: 512_000 }),
      429,
      'There were too many wrong tries. Try again in 9 minutes.',
      undefined,
    ],
    [failure('HASHING_BUSY', { retryAfterMs: 1500 }), 503, en.busy.replace('{wait}', '2 seconds'), undefined],
    [failure('UNAVAILABLE', { metadata: { request: 'r' } }), 503, en.away, undefined],
    [failure('DEADLINE_EXCEEDED'), 503, en.away, undefined],
    [failure('INTERNAL', { metadata: { request: 'r' } }), 500, en.fault.replace('{request}', 'r'), undefined],
    [
      failure('PASSWORD_TOO_SHORT', { metadata: { minimum: '15', unit: 'characters' } }),
      422,
      'The password is too short: it needs at least 15 characters.',
      'password',
    ],
  ])('%s with status %i', (error, status, text, field) => {
    expect(refusalOf(error, en, 'r')).toMatchObject({ status, text, field });
  });
});

describe('the colours', () => {
  const channel = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = (colour.match(/[0-9a-f]{2}/g) ?? []).map((part) => channel(Number.parseInt(part, 16) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string) => {
    const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const schemes = coloursOf(style);

  test.each([
    ['light', schemes[0]],
    ['dark', schemes[1]],
  ])('in %s have contrast enough (WCAG 2.2 AA)', (_, colours = {}) => {
    const of = (name: string) => colours[name] ?? '';
    for (const text of ['ink', 'bad', 'act']) expect(contrast(of(text), of('paper'))).toBeGreaterThan(4.5);
    expect(contrast(of('on-act'), of('act'))).toBeGreaterThan(4.5);
    expect(contrast(of('line'), of('paper'))).toBeGreaterThan(3);
  });
});

/** The variables of each `:root`. */
function coloursOf(css: string): Record<string, string>[] {
  const blocks = css.match(/:root \{[^}]*\}/g) ?? [];
  return blocks.map((block) =>
    Object.fromEntries([...block.matchAll(/--([\w-]+): #([0-9a-f]{6})/g)].map(([, name, value]) => [name, value])),
  );
}
