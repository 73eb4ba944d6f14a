// One scenario over every protocol, HTTP version and with and without TLS: whichever a client takes, the service is the same.
import { fileURLToPath } from 'node:url';
import { type Client, Code, ConnectError, createClient, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { TextFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import { TextQueryMethod } from '../../gen/zitadel/object/v2/object_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { ErrorDetailSchema } from '../../gen/zitadel/v1/error_pb.ts';
import { homeOf } from '../support/actors.ts';
import { tls } from '../support/edge.ts';
import { startServer, type TestServer } from '../support/server.ts';

const pemFile = (name: string) => fileURLToPath(new URL(`../support/tls/${name}.pem`, import.meta.url));

let cleartext: TestServer;
let secure: TestServer;

beforeAll(async () => {
  cleartext = await startServer();
  secure = await startServer({ env: { ROSTER_TLS_CERT: pemFile('cert'), ROSTER_TLS_KEY: pemFile('key') } });
});

const nodeOptions = { ca: tls.cert };
const versions = ['1.1', '2'] as const;

interface Common {
  baseUrl: string;
  interceptors: Interceptor[];
  nodeOptions: typeof nodeOptions;
}

const protocols: [string, (options: Common) => Transport][] = [
  ['gRPC, HTTP/2', createGrpcTransport],
  ['gRPC with JSON, HTTP/2', (options) => createGrpcTransport({ ...options, useBinaryFormat: false })],
  ...versions.flatMap((httpVersion): typeof protocols => [
    [`gRPC-Web, HTTP/${httpVersion}`, (options) => createGrpcWebTransport({ ...options, httpVersion })],
    [`Connect, HTTP/${httpVersion}`, (options) => createConnectTransport({ ...options, httpVersion, useBinaryFormat: true })],
    [
      `Connect with JSON, HTTP/${httpVersion}`,
      (options) => createConnectTransport({ ...options, httpVersion, useBinaryFormat: false }),
    ],
  ]),
];

const bearer =
  (token: string): Interceptor =>
  (next) =>
  (req) => {
    if (token) req.header.set('authorization', `Bearer ${token}`);
    return next(req);
  };

describe.each(['cleartext', 'TLS'])('%s', (kind) => {
  const serverOf = () => (kind === 'TLS' ? secure : cleartext);
  const baseUrlOf = ({ port }: TestServer) => `${kind === 'TLS' ? 'https' : 'http'}://localhost:${port}`;

  describe.each(protocols)('%s', (_, transport) => {
    const clientOf = (token = serverOf().token) =>
      createClient(UserService, transport({ baseUrl: baseUrlOf(serverOf()), interceptors: [bearer(token)], nodeOptions }));

    test('a human from creation to deletion', async () => {
      await wholeLife(clientOf(), await homeOf(serverOf()));
    });

    test('an error carries its code, its reason and every broken field', async () => {
      const failed = await refusal(
        clientOf().addHumanUser({
          profile: { givenName: '', familyName: 'x'.repeat(201) },
          email: { email: 'ada@example.com', verification: { case: 'isVerified', value: true } },
        }),
      );
      expect(failed.code).toBe(Code.InvalidArgument);
      expect(failed.rawMessage).toMatch(/^The request breaks a rule: .+ \(INVALID_REQUEST\)$/);
      expect(failed.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'INVALID_REQUEST', domain: 'roster' }]);
      expect(failed.findDetails(ErrorDetailSchema)).toMatchObject([{ id: 'INVALID_REQUEST' }]);
      const [request] = failed.findDetails(BadRequestSchema);
      expect(request?.fieldViolations.map(({ field }) => field)).toEqual(['profile.given_name', 'profile.family_name']);
    });

    test('a call without a token is refused', async () => {
      const failed = await refusal(clientOf('').listUsers({}));
      expect(failed.code).toBe(Code.Unauthenticated);
      expect(failed.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'UNAUTHENTICATED', domain: 'roster' }]);
    });
  });
});

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof ConnectError)) throw new Error(`not refused but ${String(error)}`);
  return error;
}

/** Two letters of three bytes, an emoji of two UTF-16 units, and one outside ASCII: bytes and characters must not be mixed up. */
const familyName = 'Łukasiewicz 東京 🦉';

async function wholeLife(users: Client<typeof UserService>, organizationId: string): Promise<void> {
  const { id: userId } = await users.createUser({
    organizationId,
    userType: {
      case: 'human',
      value: {
        profile: { givenName: 'Jan', familyName },
        email: { email: `jan${crypto.randomUUID()}@example.com`, verification: { case: 'isVerified', value: true } },
      },
    },
  });
  expect(await read(users, userId)).toMatchObject({ state: UserState.ACTIVE, givenName: 'Jan', familyName });

  const listed = await users.listUsers({
    queries: [
      { query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } },
      { query: { case: 'lastNameQuery', value: { lastName: '東京', method: TextQueryMethod.CONTAINS } } },
    ],
  });
  expect(listed.details?.totalResult).toBe(1n);
  expect(listed.result.map(({ userId }) => userId)).toEqual([userId]);

  await users.updateUser({ userId, userType: { case: 'human', value: { profile: { givenName: 'Janina' } } } });
  expect(await read(users, userId)).toMatchObject({ givenName: 'Janina', familyName });

  const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  await users.setUserMetadata({ userId, metadata: [{ key: 'bytes', value }] });
  const filter = { case: 'keyFilter', value: { key: 'byt', method: TextFilterMethod.STARTS_WITH } } as const;
  const { metadata } = await users.listUserMetadata({ userId, filters: [{ filter }] });
  expect(metadata).toMatchObject([{ key: 'bytes', value }]);
  await users.deleteUserMetadata({ userId, keys: ['bytes'] });
  expect((await users.listUserMetadata({ userId })).metadata).toEqual([]);

  await users.deactivateUser({ userId });
  expect(await read(users, userId)).toMatchObject({ state: UserState.INACTIVE });
  await users.reactivateUser({ userId });
  await users.lockUser({ userId });
  expect(await read(users, userId)).toMatchObject({ state: UserState.LOCKED });
  await users.unlockUser({ userId });
  expect(await read(users, userId)).toMatchObject({ state: UserState.ACTIVE });

  await users.deleteUser({ userId });
  const gone = await refusal(users.getUserByID({ userId }));
  expect(gone.code).toBe(Code.NotFound);
  expect(gone.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'USER_NOT_FOUND' }]);
}

async function read(users: Client<typeof UserService>, userId: string) {
  const { user } = await users.getUserByID({ userId });
  if (user?.type.case !== 'human') throw new Error('not a human');
  const { givenName, familyName } = user.type.value.profile ?? {};
  return { state: user.state, givenName, familyName };
}
