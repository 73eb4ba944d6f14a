import { Code, createClient } from '@connectrpc/connect';
import { beforeAll, expect, test } from 'vitest';
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
      'zitadel.user.v2.UserService',
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
    'zitadel.user.v2.UserService',
  ]);
  expect(Object.values(statuses).map(({ status }) => status)).toEqual(Array(5).fill(Status.SERVING));
  await expect(client.check({ service: 'zitadel.user.v2.NoService' })).rejects.toMatchObject({ code: Code.NotFound });
});

test('a path that nothing serves is answered 404, a page that a browser asks for as well', async () => {
  expect((await fetch(`${server.address}/zitadel.user.v2.UserService/NoSuchCall`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${server.address}/`)).status).toBe(404);
});
