import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { smallBodyBytes } from '../../src/server/unary/body.ts';
import { exchange, openSession, openSocket, request } from '../support/edge.ts';
import { invalid, post } from '../support/rawCalls.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

test('reflection names every service that the port serves', async () => {
  const client = createClient(ServerReflection, server.transport('grpc', ''));
  async function* questions() {
    yield { messageRequest: { case: 'listServices', value: '' } } as const;
  }
  for await (const { messageResponse } of client.serverReflectionInfo(questions())) {
    if (messageResponse.case !== 'listServicesResponse') throw new Error(`not a list: ${messageResponse.case}`);
    expect(messageResponse.value.service.map(({ name }) => name)).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'zitadel.admin.v1.AdminService',
      'zitadel.management.v1.ManagementService',
      'zitadel.org.v2.OrganizationService',
      'zitadel.session.v2.SessionService',
      'zitadel.user.v2.UserService',
      'zitadel.user.v2beta.UserService',
    ]);
  }
});

test('health tells of every service, without a token', async () => {
  const client = createClient(Health, server.transport('connect-json', ''));
  const { statuses } = await client.list({});
  expect(Object.keys(statuses).toSorted()).toEqual([
    '',
    'zitadel.admin.v1.AdminService',
    'zitadel.management.v1.ManagementService',
    'zitadel.org.v2.OrganizationService',
    'zitadel.session.v2.SessionService',
    'zitadel.user.v2.UserService',
    'zitadel.user.v2beta.UserService',
  ]);
  expect(Object.values(statuses).map(({ status }) => status)).toEqual(Array(7).fill(Status.SERVING));
  await expect(client.check({ service: 'zitadel.user.v2.NoService' })).rejects.toMatchObject({ code: Code.NotFound });
});

test('a path that nothing serves is answered 404, a page that a browser asks for as well', async () => {
  expect((await fetch(`${server.address}/zitadel.user.v2.UserService/NoSuchCall`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${server.address}/`)).status).toBe(404);
});

test('a bug is told by a request id and nothing else', async () => {
  const { sql, as } = await startServer();
  await sql`alter table instance_user_counts rename to mislaid`;
  const error = await as()
    .users.listUsers({})
    .catch((thrown: unknown) => ConnectError.from(thrown));
  if (!(error instanceof ConnectError)) throw new Error('the list was answered');
  const [info] = error.findDetails(ErrorInfoSchema);
  expect([error.code, info?.reason, Object.keys(info?.metadata ?? {})]).toEqual([Code.Internal, 'INTERNAL', ['request']]);
  expect(JSON.stringify(error.details) + error.message).not.toMatch(/user_counts|mislaid|select|postgres/i);
});

test('no call takes longer than the server lets it, whatever the caller allows', async () => {
  const { sql, as } = await startServer({ env: { ROSTER_MAX_TIMEOUT: '1s' } });
  const { users } = as();
  const { id } = await users.createUser(machine((await sql`select id from organizations`)[0]?.id));
  await sql.begin(async (tx) => {
    await tx`select from users where id = ${id} for update`;
    const error = await users
      .lockUser({ userId: id }, { timeoutMs: 60_000 })
      .catch((thrown: unknown) => ConnectError.from(thrown));
    if (!(error instanceof ConnectError)) throw new Error('the user was locked');
    expect(error.findDetails(ErrorInfoSchema).map(({ reason }) => reason)).toEqual(['DEADLINE_EXCEEDED']);
  });
});

const machine = (organizationId: string) =>
  ({ organizationId, userType: { case: 'machine', value: { name: 'Machine' } } }) as const;

const getUser = '/zitadel.user.v2.UserService/GetUserByID';

describe('a request that names two hosts is turned away:', () => {
  const json = 'Content-Type: application/json\r\n';

  test.each([
    ['an RPC', `POST ${getUser}`, json],
    ['one that is left to Connect', `GET ${getUser}`, ''],
    ['an RPC by HTTP alone', 'GET /v2/users/ada', ''],
    ['a page', 'GET /ui/console', ''],
    ['a probe', 'GET /healthz', ''],
  ])('%s', async (_, line, headers) => {
    const begun = `${line} HTTP/1.1\r\nHost: a\r\n${headers}Connection: close\r\n`;
    expect(await exchange(server.port, `${begun}\r\n`)).not.toMatch(/^HTTP\/1.1 400 /);
    for (const second of ['Host: b', 'hOST: a', 'Host:']) {
      expect(await exchange(server.port, `${begun}${second}\r\n\r\n`), second).toMatch(/^HTTP\/1.1 400 /);
    }
  });

  test('over HTTP/2 if they differ', async () => {
    const session = openSession(server.address);
    const ask = async (path: string, authority: string, host: string) =>
      (await request(session, { ':path': path, ':authority': authority, host })).headers[':status'];
    for (const path of ['/healthz', '/v2/users/ada']) {
      for (const host of ['roster.example.org', 'roster.example.com:8080', '[']) {
        expect(await ask(path, 'roster.example.com', host), host).toBe(400);
      }
    }
    for (const host of ['roster.example.com', 'Roster.example.com', 'roster.example.com:80']) {
      expect(await ask('/healthz', 'roster.example.com', host), host).toBe(200);
    }
  });

  test('over HTTP/2 while the request is still being sent', async () => {
    const stream = openSession(server.address).request({ ':method': 'POST', ':path': getUser, ':authority': 'a', host: 'b' });
    stream.write('{');
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(400);
    await once(stream.resume(), 'close');
  });
});

describe('the body of a call that is authenticated together with what it names', () => {
  const large = 3 * 2 ** 20;
  const filler = 'x'.repeat(large);
  const begun = `{"userId":"${'x'.repeat(smallBodyBytes)}`;
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(large, 1);

  beforeEach(() => {
    server.statements();
  });

  /** Nothing more is sent until the answer has come. */
  describe.each([
    ['no token', undefined],
    ['a wrong token', 'Bearer nothing'],
  ])('is not read in of a caller with %s', (_, authorization) => {
    test.each([
      ['as JSON', getUser, `Content-Type: application/json\r\nContent-Length: ${large}`, begun],
      ['in chunks', getUser, 'Content-Type: application/json\r\nTransfer-Encoding: chunked', `${large.toString(16)}\r\n${begun}`],
      ['by HTTP alone', '/v2/users/ada', `Content-Length: ${large}`, begun],
      ['compressed', getUser, `Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${large}`, ''],
    ])('over HTTP/1.1, %s', async (_, path, headers, body) => {
      const socket = openSocket(server.port);
      const verb = path === getUser ? 'POST' : 'GET';
      const token = authorization ? `Authorization: ${authorization}\r\n` : '';
      socket.write(`${verb} ${path} HTTP/1.1\r\nHost: a\r\n${token}${headers}\r\n\r\n${body}`);
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1.1 401 /);
    });

    test('over HTTP/2', async () => {
      const stream = openSession(server.address).request({
        ...{ ':method': 'POST', ':path': getUser, 'content-type': 'application/grpc', te: 'trailers' },
        ...(authorization && { authorization }),
      });
      stream.on('error', () => {});
      stream.write(Buffer.concat([prefix, Buffer.alloc(smallBodyBytes)]));
      const [headers] = await once(stream, 'response');
      const [trailers] = headers['grpc-status'] ? [headers] : await once(stream.resume(), 'trailers');
      expect(trailers['grpc-status']).toBe(String(Code.Unauthenticated));
      await once(stream.resume(), 'close');
    });
  });

  test('is read of any other caller, and answered as a small one', async () => {
    const [{ id } = {}] = await server.sql`select id from users`;
    expect(await post(server, getUser, JSON.stringify({ userId: id }))).toBe('200');
    expect(server.statements()).toHaveLength(1);
    expect(await post(server, getUser, JSON.stringify({ filler, userId: id }))).toBe('200');
    expect(server.statements()).toHaveLength(2);
    const compressed = new Uint8Array(gzipSync(JSON.stringify({ filler, userId: id })));
    const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const answer = await fetch(`${server.address}${getUser}`, { method: 'POST', headers, body: compressed });
    expect(await answer.json()).toMatchObject({ user: { userId: id } });
    expect(await post(server, getUser, JSON.stringify({ userId: filler }))).toBe(invalid);
    await expect(server.as().users.getUserByID({ userId: filler })).rejects.toMatchObject({ code: Code.InvalidArgument });
  });

  test('that is larger than any may be is refused, in pieces', async () => {
    const stream = openSession(server.address).request({
      ...{ ':method': 'POST', ':path': getUser, 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
    });
    stream.on('error', () => {});
    for (let sent = 0; sent <= 4 * 2 ** 20; sent += large) stream.write(filler);
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(429);
    expect(await text(stream)).toContain('MESSAGE_TOO_LARGE');
  });
});
