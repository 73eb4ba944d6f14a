// The published SDK of Zitadel, with its own generated types: what its users have written goes on working.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { createClientFor, timestampDate } from '@zitadel/client';
import { createServerTransport, newSystemToken } from '@zitadel/client/node';
import { createOrganizationServiceClient, createUserServiceClient } from '@zitadel/client/v2';
import { ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import { TextQueryMethod } from '@zitadel/proto/zitadel/object/v2/object_pb.js';
import { UserFieldName } from '@zitadel/proto/zitadel/user/v2/query_pb.js';
import { UserState } from '@zitadel/proto/zitadel/user/v2/user_pb.js';
import { UserService } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMachine, homeOf } from '../support/actors.ts';
import { addKey, askToken, issuer, jwtBearer, tokenOf } from '../support/oauth.ts';
import { scratch } from '../support/scratch.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Client<typeof UserService>;

const transport = (token = server.token) => createServerTransport(token, { baseUrl: server.address });

beforeAll(async () => {
  server = await startServer();
  users = createUserServiceClient(transport());
});

const project = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test('the lines in the README run as they stand there', async () => {
  const [, snippet] = /```ts\n([\s\S]*?)```/.exec(await readFile(project('README.md'), 'utf8')) ?? [];
  if (!snippet) throw new Error('the README shows no TypeScript');
  const folder = await mkdtemp(join(scratch, 'roster-readme-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(project('node_modules'), join(folder, 'node_modules'));
  await symlink(server.dataDir, join(folder, '.roster'));
  await writeFile(join(folder, 'example.mts'), snippet.replace('http://localhost:8080', server.address));
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mts'], { cwd: folder, timeout: 30_000 });
  expect(stdout).toBe('grace@example.com\n');
});

async function addHuman(givenName: string, familyName: string): Promise<string> {
  const { userId } = await users.addHumanUser({
    profile: { givenName, familyName },
    email: { email: `${givenName}@sdk.example.com`, verification: { case: 'isVerified', value: true } },
  });
  return userId;
}

describe('users', () => {
  test('are created and read', async () => {
    const userId = await addHuman('Alan', 'Turing');
    const { user, details } = await users.getUserByID({ userId });
    expect(user).toMatchObject({ userId, state: UserState.ACTIVE, preferredLoginName: 'Alan@sdk.example.com' });
    expect(user?.type).toMatchObject({ case: 'human', value: { profile: { givenName: 'Alan', familyName: 'Turing' } } });
    expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(epoch);
    expect(details?.resourceOwner).toBe(await homeOf(server));
  });

  test('are listed by queries, sorted, page by page', async () => {
    const names = ['Carla', 'Anton', 'Bruno'];
    for (const name of names) await addHuman(name, 'Listed');
    const page = (offset: bigint) =>
      users.listUsers({
        query: { offset, limit: 2, asc: true },
        sortingColumn: UserFieldName.FIRST_NAME,
        queries: [
          { query: { case: 'lastNameQuery', value: { lastName: 'listed', method: TextQueryMethod.EQUALS_IGNORE_CASE } } },
          { query: { case: 'stateQuery', value: { state: UserState.ACTIVE } } },
        ],
      });
    const pages = [await page(0n), await page(2n)];
    expect(pages.map(({ details }) => details?.totalResult)).toEqual([3n, 3n]);
    const listed = pages.flatMap(({ result }) =>
      result.map(({ type }) => type.case === 'human' && type.value.profile?.givenName),
    );
    expect(listed).toEqual(['Anton', 'Bruno', 'Carla']);
  });

  test('are changed in both ways, locked, and deleted', async () => {
    const userId = await addHuman('Katherine', 'Johnson');
    await users.updateHumanUser({ userId, profile: { givenName: 'Katherine G.', familyName: 'Johnson' } });
    await users.updateUser({ userId, userType: { case: 'human', value: { profile: { nickName: 'KJ' } } } });
    await users.lockUser({ userId });
    const { user } = await users.getUserByID({ userId });
    expect(user?.state).toBe(UserState.LOCKED);
    expect(user?.type).toMatchObject({ case: 'human', value: { profile: { givenName: 'Katherine G.', nickName: 'KJ' } } });
    await users.deleteUser({ userId });
    expect((await refusal(users.getUserByID({ userId }))).code).toBe(Code.NotFound);
  });
});

test('a machine is created by the newer call', async () => {
  const { id: userId, creationDate } = await createClientFor(UserService)(transport()).createUser({
    organizationId: await homeOf(server),
    userType: { case: 'machine', value: { name: 'Nightly import' } },
  });
  expect(creationDate && timestampDate(creationDate)).toEqual(epoch);
  const { user } = await users.getUserByID({ userId });
  expect(user?.type).toMatchObject({ case: 'machine', value: { name: 'Nightly import' } });
});

test('a service user signs in with what the SDK signs for it', async () => {
  server.setTime(new Date());
  onTestFinished(() => server.setTime(epoch));
  const userId = await createMachine(server);
  const { privateKey } = await addKey(server, userId);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const assertion = await newSystemToken({ audience: issuer, subject: userId, key });
  const token = tokenOf(await askToken(server, { grant_type: jwtBearer, assertion, scope: 'openid' }));
  const { user } = await createUserServiceClient(transport(token)).getUserByID({ userId });
  expect(user?.userId).toBe(userId);
});

test('organizations are listed', async () => {
  const { result } = await createOrganizationServiceClient(transport()).listOrganizations({});
  expect(result.map(({ id }) => id)).toEqual([await homeOf(server)]);
});

describe('an error', () => {
  test.each([
    ['of an unknown user', Code.NotFound, 'USER_NOT_FOUND', () => users.getUserByID({ userId: '1' })],
    ['of a broken rule', Code.InvalidArgument, 'INVALID_REQUEST', () => users.getUserByID({ userId: '' })],
    ['of a taken name', Code.AlreadyExists, 'USERNAME_TAKEN', () => addTwice()],
    [
      'of a wrong token',
      Code.Unauthenticated,
      'UNAUTHENTICATED',
      () => createUserServiceClient(transport('wrong')).listUsers({}),
    ],
  ])('%s has its code, its detail, and its id at the end of the message', async (_, code, id, call) => {
    const error = await refusal(call());
    expect(error.code).toBe(code);
    const [detail] = error.findDetails(ErrorDetailSchema);
    expect(detail?.id).toBe(id);
    expect(error.rawMessage).toBe(`${detail?.message} (${id})`);
  });
});

async function addTwice(): Promise<void> {
  await addHuman('Twin', 'One');
  await addHuman('Twin', 'Two');
}

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof ConnectError)) throw new Error(`not refused but ${String(error)}`);
  return error;
}
