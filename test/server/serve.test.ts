import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { beforeAll, expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
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
