// REST as clients meet it: plain HTTP, in both versions, with what it has of its own for errors, methods and browsers.
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { createHuman, createStranger, homeOf } from '../../support/actors.ts';
import { exchange, openSession, request } from '../../support/edge.ts';
import { startServer, type TestServer } from '../../support/server.ts';

const origin = 'https://console.example.com';
let server: TestServer;
let userId: string;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_CORS_ORIGINS: origin, ROSTER_MAX_MESSAGE_BYTES: '100000' } });
  userId = await createHuman(server);
});

interface Sent {
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
}

function call(method: string, path: string, { body, headers }: Sent = {}): Promise<Response> {
  const all = { authorization: `Bearer ${server.token}`, ...headers };
  return fetch(`${server.address}${path}`, { method, headers: all, ...(body !== undefined && { body }) });
}

interface Status {
  code: number;
  message: string;
  details: Record<string, unknown>[];
}

/** `HTTP's status, the code, the reason` of a refusal, which has the form of each. */
async function refusal(response: Response): Promise<string> {
  const { code, message, details }: Status = JSON.parse(await response.text());
  const [first, info] = details;
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(first).toMatchObject({ '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id: expect.any(String) });
  expect(info).toMatchObject({ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: first?.id, domain: 'roster' });
  expect(message).toBe(`${first?.message} (${first?.id})`);
  return `${response.status} ${code} ${first?.id}`;
}

test('a user from creation to deletion', async () => {
  const created = await call('POST', '/v2/users/new', {
    body: JSON.stringify({
      organizationId: await homeOf(server),
      human: { profile: { givenName: 'Ada', familyName: 'Lovelace' }, email: { email: 'rest@example.com', isVerified: true } },
    }),
  });
  expect([created.status, created.headers.get('cache-control')]).toEqual([200, 'no-store']);
  const { id }: { id: string } = JSON.parse(await created.text());
  const read = await call('GET', `/v2/users/${id}`);
  expect(await read.json()).toMatchObject({
    user: { userId: id, state: 'USER_STATE_ACTIVE', human: { email: { isVerified: true } } },
  });
  const listed = await call('POST', '/v2/users', { body: '{"queries":[{"emailQuery":{"emailAddress":"rest@example.com"}}]}' });
  expect(await listed.json()).toMatchObject({ details: { totalResult: '1' }, result: [{ userId: id }] });
  expect((await call('POST', `/v2/users/${id}/lock`)).status).toBe(200);
  expect(await (await call('GET', `/v2/users/${id}`)).json()).toMatchObject({ user: { state: 'USER_STATE_LOCKED' } });
  expect((await call('DELETE', `/v2/users/${id}`)).status).toBe(200);
  expect(await refusal(await call('GET', `/v2/users/${id}`))).toBe('404 5 USER_NOT_FOUND');
});

describe('a refusal', () => {
  test.each<[string, () => Promise<Response>, string]>([
    ['without a token', () => call('GET', `/v2/users/${userId}`, { headers: { authorization: '' } }), '401 16 UNAUTHENTICATED'],
    [
      'with another scheme',
      () => call('GET', '/v2/users/1', { headers: { authorization: 'Basic YTpi' } }),
      '401 16 UNAUTHENTICATED',
    ],
    ['of a broken rule', () => call('POST', `/v2/users/${userId}/email`, { body: '{}' }), '400 3 INVALID_REQUEST'],
    ['of a state', () => call('POST', `/v2/users/${userId}/unlock`, { body: '{}' }), '400 9 USER_NOT_LOCKED'],
    ['of an id that is none', () => call('GET', `/v2/users/${'x'.repeat(201)}`), '400 3 INVALID_REQUEST'],
    ['of a NUL', () => call('GET', '/v2/users/a%00b'), '400 3 INVALID_REQUEST'],
    ['of a slash in an id', () => call('GET', `/v2/users/%2F${userId}`), '404 5 USER_NOT_FOUND'],
    ['of bytes that are no text', () => call('GET', '/v2/users/%ff'), '400 3 REQUEST_UNREADABLE'],
    ['of a body that is no JSON', () => call('POST', '/v2/users', { body: '{' }), '400 3 REQUEST_UNREADABLE'],
    ['of a type that is wrong', () => call('POST', '/v2/users', { body: '{"queries":{}}' }), '400 3 REQUEST_UNREADABLE'],
    ['of a list nested without end', () => call('POST', '/v2/users', { body: '['.repeat(90_000) }), '400 3 REQUEST_UNREADABLE'],
    ['of a body that is too large', () => call('POST', '/v2/users', { body: ' '.repeat(100_001) }), '429 8 MESSAGE_TOO_LARGE'],
    [
      'of one that grows too large',
      () => call('POST', '/v2/users', { body: gzipSync(' '.repeat(1_000_000)), headers: { 'content-encoding': 'gzip' } }),
      '429 8 MESSAGE_TOO_LARGE',
    ],
    [
      'of an encoding that nobody knows',
      () => call('POST', '/v2/users', { body: '{}', headers: { 'content-encoding': 'zstd' } }),
      '501 12 REQUEST_UNSUPPORTED',
    ],
    [
      'of a query field given twice',
      () => call('GET', `/v2/sessions/1?sessionToken=a&session_token=b`),
      '400 3 REQUEST_UNREADABLE',
    ],
    ['of an unknown path', () => call('GET', '/v2/nothing'), '404 5 PATH_UNKNOWN'],
    ['of a slash at the end', () => call('GET', `/v2/users/${userId}/`), '404 5 PATH_UNKNOWN'],
    ['of an empty segment', () => call('POST', '/v2/users//lock'), '404 5 PATH_UNKNOWN'],
    ['of another method', () => call('PUT', `/v2/users/${userId}`, { body: '{}' }), '405 12 METHOD_NOT_ALLOWED'],
  ])('%s', async (_, ask, told) => {
    expect(await refusal(await ask())).toBe(told);
  });

  test('has what HTTP has for it', async () => {
    const wrong = await call('PUT', `/v2/users/${userId}`);
    expect(wrong.headers.get('allow')?.split(', ').toSorted()).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH']);
    const stranger = await call('GET', `/v2/users/${userId}`, { headers: { authorization: 'Bearer x' } });
    expect(stranger.headers.get('www-authenticate')).toBe('Bearer');
    expect(stranger.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('that will pass says when', async () => {
    const person = await createHuman(server, { passwordType: { case: 'password', value: { password: 'Tr0ub4dor&3-rest' } } });
    const attempt = () =>
      call('POST', `/v2/users/${person}/password`, {
        body: '{"newPassword":{"password":"An0ther-one!"},"currentPassword":"wrong"}',
      });
    const answers = [];
    for (let tries = 0; tries < 6; tries++) answers.push(await attempt());
    const last = answers.at(-1);
    expect(last && (await refusal(last))).toMatch(/^429 8 /);
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('of a stranger is the same for what is hidden and for what is not there', async () => {
    const { token } = await createStranger(server);
    const headers = { authorization: `Bearer ${token}` };
    const [hidden, unknown] = [
      await call('GET', `/v2/users/${userId}`, { headers }),
      await call('GET', '/v2/users/1', { headers }),
    ];
    expect(await hidden.text()).toBe(await unknown.text());
  });
});

test('HEAD is answered as GET is, without the body; OPTIONS tells the methods', async () => {
  const [get, head] = [await call('GET', `/v2/users/${userId}`), await call('HEAD', `/v2/users/${userId}`)];
  expect([head.status, head.headers.get('content-length')]).toEqual([200, get.headers.get('content-length')]);
  expect(await head.text()).toBe('');
  expect((await call('HEAD', '/v2/users/1')).status).toBe(404);
  const options = await call('OPTIONS', '/v2/users');
  expect([options.status, options.headers.get('allow'), await options.text()]).toEqual([204, 'POST, OPTIONS', '']);
});

test('a body is JSON whatever its type says, and may come compressed; an answer is compressed for whoever asks', async () => {
  const body = '{"query":{"limit":1}}';
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'application/grpc']) {
    expect((await call('POST', '/v2/users', { body, headers: { 'content-type': type } })).status).toBe(200);
  }
  const compressed = await call('POST', '/v2/users', { body: gzipSync(body), headers: { 'content-encoding': 'gzip' } });
  expect(await compressed.json()).toMatchObject({ result: [expect.anything()] });
  for (let more = 0; more < 3; more++) await createHuman(server);
  const listed = await call('POST', '/v2/users', { headers: { 'accept-encoding': 'gzip' } });
  expect([listed.status, listed.headers.get('content-encoding')]).toEqual([200, 'gzip']);
  expect(await listed.json()).toMatchObject({ result: expect.anything() });
});

test('the few calls that answer 201 do', async () => {
  expect((await call('POST', '/v2/sessions', { body: '{}' })).status).toBe(201);
  expect((await call('POST', '/v2/organizations', { body: '{"name":"Created"}' })).status).toBe(201);
  const human = { profile: { givenName: 'A', familyName: 'B' }, email: { email: 'older@example.com', isVerified: true } };
  expect((await call('POST', '/v2beta/users/human', { body: JSON.stringify(human) })).status).toBe(201);
});

test('a deadline is kept', async () => {
  await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${userId} for update`;
    const late = await call('POST', `/v2/users/${userId}/lock`, { headers: { 'grpc-timeout': '200m' } });
    expect(await refusal(late)).toBe('504 4 DEADLINE_EXCEEDED');
  });
});

test('a deprecated call says so, and names what takes its place', async () => {
  const { status, headers } = await call('GET', `/management/v1/users/${userId}/profile`);
  expect([status, headers.get('link')]).toEqual([200, '</zitadel.user.v2.UserService/GetUserByID>; rel="successor-version"']);
  expect(headers.get('deprecation')).toMatch(/^@\d+$/);
});

describe('over HTTP/2', () => {
  test.each([
    ['GET', () => `/v2/users/${userId}`, 200],
    ['HEAD', () => `/v2/users/${userId}`, 200],
    ['OPTIONS', () => '/v2/users', 204],
    ['PUT', () => '/v2/users', 405],
    ['GET', () => '/v2/users/%ff', 400],
  ])('%s', async (method, path, status) => {
    const headers = { ':method': method, ':path': path(), authorization: `Bearer ${server.token}` };
    const answer = await request(openSession(server.address), headers);
    expect(answer.headers[':status']).toBe(status);
    const isEmpty = method === 'HEAD' || status === 204;
    expect(answer.body).toEqual(isEmpty ? '' : expect.stringMatching(/^\{.*\}$/s));
  });
});

test('nothing of a host that a request names comes back, and one that is none is refused', async () => {
  const ask = (host: string) =>
    exchange(
      server.port,
      `GET /v2/users/1 HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${server.token}\r\nconnection: close\r\n\r\n`,
    );
  const answer = await ask('evil.example.com');
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).not.toContain('evil');
  expect(await ask('[')).toMatch(/^HTTP\/1\.1 400 /);
});

describe('a page of another origin', () => {
  const preflight = (from: string) =>
    call('OPTIONS', `/v2/users/${userId}`, { headers: { origin: from, 'access-control-request-method': 'PATCH' } });

  test('may call where the origin is configured, and read refusals', async () => {
    const { status, headers } = await preflight(origin);
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    expect(headers.get('access-control-allow-methods')?.split(', ')).toEqual(expect.arrayContaining(['GET', 'PATCH', 'DELETE']));
    for (const path of [`/v2/users/${userId}`, '/v2/users/1', '/v2/nothing']) {
      expect((await call('GET', path, { headers: { origin } })).headers.get('access-control-allow-origin')).toBe(origin);
    }
  });

  test('is allowed nothing where it is not', async () => {
    const other = 'https://evil.example.com';
    for (const { headers } of [
      await preflight(other),
      await call('GET', `/v2/users/${userId}`, { headers: { origin: other } }),
    ]) {
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});
