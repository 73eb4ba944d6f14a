// Plain fetch with JSON, as scripts, curl and browsers without a library call it.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { createHuman, homeOf } from '../support/actors.ts';
import { startServer, type TestServer } from '../support/server.ts';

const origin = 'https://console.example.com';
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_CORS_ORIGINS: origin } });
});

const urlOf = (method: string) => `${server.address}/zitadel.user.v2.UserService/${method}`;

/** Posts a body as it is, with the owner's token unless told otherwise. */
function post(method: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const all = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', ...headers };
  return fetch(urlOf(method), { method: 'POST', headers: all, body });
}

const call = (method: string, request: object, headers?: Record<string, string>) =>
  post(method, JSON.stringify(request), headers);

async function answer(method: string, request: object): Promise<unknown> {
  const response = await call(method, request);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  return response.json();
}

const human = (email = `${randomUUID()}@example.com`) => ({
  profile: { givenName: 'Ada', familyName: 'Lovelace' },
  email: { email, isVerified: true },
});

test('a human from creation to deletion', async () => {
  const created = await answer('CreateUser', { organizationId: await homeOf(server), human: human('ada@example.com') });
  expect(created).toEqual({ id: expect.stringMatching(/^\d{18}$/), creationDate: '2026-01-01T12:00:00Z' });
  const [listed] = await findByEmail('ada@example.com');
  const { userId } = listed ?? {};
  expect(created).toMatchObject({ id: userId });
  expect(await answer('GetUserByID', { userId })).toMatchObject({
    details: { sequence: expect.stringMatching(/^[1-9]\d*$/), changeDate: '2026-01-01T12:00:00Z' },
    user: { userId, state: 'USER_STATE_ACTIVE', human: { profile: { givenName: 'Ada', preferredLanguage: 'und' } } },
  });
  // The names of the definition are taken as well, and fields that are null count as absent.
  await answer('UpdateUser', { user_id: userId, human: { profile: { nick_name: 'The Enchantress', display_name: null } } });
  await answer('SetUserMetadata', { userId, metadata: [{ key: 'k', value: Buffer.from('ü').toString('base64') }] });
  expect(await answer('ListUserMetadata', { userId })).toMatchObject({
    pagination: { totalResult: '1', appliedLimit: '100' },
    metadata: [{ key: 'k', value: 'w7w=' }],
  });
  await answer('DeactivateUser', { userId });
  expect(await findByEmail('ada@example.com')).toMatchObject([{ state: 'USER_STATE_INACTIVE' }]);
  await answer('DeleteUser', { userId });
  expect(await findByEmail('ada@example.com')).toEqual([]);
});

async function findByEmail(emailAddress: string): Promise<Record<string, unknown>[]> {
  const response = await call('ListUsers', { queries: [{ emailQuery: { emailAddress } }] });
  const { result = [] } = JSON.parse(await response.text());
  return result;
}

describe('an error', () => {
  const unknown = { userId: '1' };
  const cases: [string, number, string, string, () => Promise<Response>][] = [
    ['a broken rule', 400, 'invalid_argument', 'INVALID_REQUEST', () => call('GetUserByID', { userId: '' })],
    [
      'a forbidding state',
      400,
      'failed_precondition',
      'USER_NOT_LOCKED',
      async () => call('UnlockUser', { userId: await createHuman(server) }),
    ],
    ['no token', 401, 'unauthenticated', 'UNAUTHENTICATED', () => call('GetUserByID', unknown, { authorization: '' })],
    [
      'another scheme',
      401,
      'unauthenticated',
      'UNAUTHENTICATED',
      () => call('GetUserByID', unknown, { authorization: 'Basic YTpi' }),
    ],
    ['an unknown user', 404, 'not_found', 'USER_NOT_FOUND', () => call('GetUserByID', unknown)],
    ['a taken name', 409, 'already_exists', 'USERNAME_TAKEN', addTwice],
    ['a deadline', 504, 'deadline_exceeded', 'DEADLINE_EXCEEDED', tooLate],
  ];

  test.each(cases)('for %s has status %i, code %s and reason %s', async (_, status, code, reason, refused) => {
    const response = await refused();
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json');
    const body: { message: string; details: unknown } = JSON.parse(await response.text());
    const detail = { type: expect.any(String), value: expect.stringMatching(/^[\w+/]+$/), debug: expect.anything() };
    expect(body).toEqual({
      code,
      message: expect.stringMatching(new RegExp(` \\(${reason}\\)$`)),
      details: expect.arrayContaining([detail]),
    });
    expect(body.details).toEqual(
      expect.arrayContaining([
        { ...detail, type: 'google.rpc.ErrorInfo', debug: expect.objectContaining({ reason, domain: 'roster' }) },
        { ...detail, type: 'zitadel.v1.ErrorDetail', debug: { id: reason, message: body.message.replace(` (${reason})`, '') } },
      ]),
    );
  });

  test('for a method that is not there has status 404 and no body that could be taken for an answer', async () => {
    for (const path of ['zitadel.user.v2.UserService/Nothing', 'zitadel.user.v2.Nothing/ListUsers', '', 'favicon.ico']) {
      const response = await fetch(`${server.address}/${path}`, { method: 'POST', body: '{}' });
      expect([response.status, await response.text()]).toEqual([404, '']);
    }
  });

  test('for another method or content type has the status that HTTP has for it', async () => {
    const headers = { authorization: `Bearer ${server.token}` };
    expect((await fetch(urlOf('ListUsers'), { headers })).status).toBe(405);
    expect((await fetch(urlOf('ListUsers'), { method: 'PUT', headers, body: '{}' })).status).toBe(405);
    expect((await call('ListUsers', {}, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await call('ListUsers', {}, { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
  });
});

async function addTwice(): Promise<Response> {
  await call('AddHumanUser', human('twice@example.com'));
  return call('AddHumanUser', human('twice@example.com'));
}

/** A call that has to wait for another transaction, and gives it 200 ms. */
async function tooLate(): Promise<Response> {
  const userId = await createHuman(server);
  return server.sql.begin(async (tx) => {
    await tx`select from users where id = ${userId} for update`;
    return call('LockUser', { userId }, { 'connect-timeout-ms': '200' });
  });
}

describe('a page of another origin', () => {
  const preflight = (from: string) =>
    fetch(urlOf('ListUsers'), {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,connect-protocol-version',
      },
    });

  test('may call when the origin is configured', async () => {
    const allowed = await preflight(origin);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
    const headers = allowed.headers.get('access-control-allow-headers')?.toLowerCase().split(', ');
    expect(headers).toEqual(expect.arrayContaining(['authorization', 'content-type', 'connect-protocol-version']));
    const listed = await call('ListUsers', {}, { origin });
    expect([listed.status, listed.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  });

  test('may read errors too', async () => {
    const refused = await call('ListUsers', {}, { origin, authorization: '' });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
  });

  test('is allowed nothing when it is not', async () => {
    const other = 'https://evil.example.com';
    for (const response of [await preflight(other), await call('ListUsers', {}, { origin: other })]) {
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});
