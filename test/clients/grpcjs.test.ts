// @grpc/grpc-js with what server reflection tells it, as a client without proto files works; nothing of gen/ takes part.
import { type CallOptions, Client, type ClientUnaryCall, credentials, Metadata, status } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, type MethodDefinition, type PackageDefinition } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHuman, homeOf } from '../support/actors.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: Client;
let definitions: PackageDefinition;

beforeAll(async () => {
  server = await startServer();
  client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  definitions = await reflect('zitadel.user.v2.UserService', 'google.rpc.ErrorInfo', 'zitadel.v1.ErrorDetail');
});

afterAll(() => client.close());

// The two messages of other people's protocols that a client has to know before it can ask for anything.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Question { string file_containing_symbol = 4; }
  message Answer { Files file_descriptor_response = 4; }
  message Files { repeated bytes file_descriptor_proto = 1; }
  message FileSet { repeated bytes file = 1; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
`);
const encode = (type: string, value: object) => Buffer.from(root.lookupType(type).encode(value).finish());
const decode = (type: string, bytes: Uint8Array) => root.lookupType(type).toObject(root.lookupType(type).decode(bytes));

/** The files that define these symbols and all that they import. */
async function reflect(...symbols: string[]): Promise<PackageDefinition> {
  const stream = client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    (fileContainingSymbol: string) => encode('Question', { fileContainingSymbol }),
    (bytes) => decode('Answer', bytes),
  );
  for (const symbol of symbols) stream.write(symbol);
  stream.end();
  const files = new Map<string, Buffer>();
  for await (const answer of stream) {
    for (const file of answer.fileDescriptorResponse.fileDescriptorProto) files.set(file.toString('base64'), file);
  }
  return loadFileDescriptorSetFromBuffer(encode('FileSet', { file: [...files.values()] }), { longs: String, enums: String });
}

function methodOf(name: string): MethodDefinition<object, object> {
  const service = definitions['zitadel.user.v2.UserService'];
  const method = service && name in service ? Object.entries(service).find(([key]) => key === name)?.[1] : undefined;
  if (!method) throw new Error(`reflection tells of no ${name}`);
  return method;
}

function withToken(token = server.token): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

interface Options extends CallOptions {
  metadata?: Metadata;
  /** Gets the call as soon as it is under way. */
  onCall?: (call: ClientUnaryCall) => void;
}

/** A unary call with what reflection told of it. */
function call(
  name: string,
  request: object,
  { metadata = withToken(), onCall, ...options }: Options = {},
): Promise<Record<string, unknown>> {
  const { path, requestSerialize, responseDeserialize } = methodOf(name);
  return new Promise((resolve, reject) => {
    const made = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (error, answer) => (error ? reject(error) : resolve(Object.fromEntries(Object.entries(answer ?? {})))),
    );
    onCall?.(made);
  });
}

/** What a refused call tells a grpc-js client, its details decoded with what reflection told of them. */
async function refusal(refused: Promise<unknown>) {
  const error = await refused.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error))
    throw new Error(`not refused but ${error}`);
  const { code, details: message, metadata } = error;
  const [bytes] = metadata instanceof Metadata ? metadata.get('grpc-status-details-bin') : [];
  if (!(bytes instanceof Buffer)) return { code, message, details: {} };
  const { details } = decode('Status', bytes);
  return { code, message, details: Object.fromEntries(details.map(decodeAny)) };
}

function decodeAny({ typeUrl, value }: { typeUrl: string; value: Buffer }): [string, unknown] {
  const name = typeUrl.replace('type.googleapis.com/', '');
  const type = definitions[name];
  if (!type || !('deserialize' in type) || typeof type.deserialize !== 'function')
    throw new Error(`reflection tells of no ${name}`);
  return [name, type.deserialize(value)];
}

describe('a call with reflected definitions', () => {
  test('creates, reads, changes, searches and deletes', async () => {
    const email = { email: 'grace@example.com', is_verified: true };
    const profile = { given_name: 'Grace', family_name: 'Hopper 🐞' };
    const organization_id = await homeOf(server);
    const created = await call('CreateUser', { organization_id, human: { profile, email } });
    const user_id = String(created.id);
    expect(await call('GetUserByID', { user_id })).toMatchObject({
      user: { user_id, state: 'USER_STATE_ACTIVE', human: { profile, email } },
    });
    await call('UpdateUser', { user_id, human: { profile: { given_name: 'Amazing Grace' } } });
    const value = Buffer.from([0, 1, 254, 255]);
    await call('SetUserMetadata', { user_id, metadata: [{ key: 'bytes', value }] });
    expect(await call('ListUserMetadata', { user_id })).toMatchObject({ metadata: [{ key: 'bytes', value }] });
    const queries = [{ first_name_query: { first_name: 'AMAZING', method: 'TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE' } }];
    expect(await call('ListUsers', { queries })).toMatchObject({ details: { total_result: '1' }, result: [{ user_id }] });
    await call('DeleteUser', { user_id });
    expect(await refusal(call('GetUserByID', { user_id }))).toMatchObject({ code: status.NOT_FOUND });
  });

  test('runs beside many others on the same connection', async () => {
    const user_id = await createHuman(server);
    const calls = Array.from({ length: 200 }, () => call('GetUserByID', { user_id }));
    for (const answer of await Promise.all(calls)) expect(answer).toMatchObject({ user: { user_id } });
  });
});

describe('a refusal', () => {
  test('reads as it was written, and its details decode', async () => {
    const refused = await refusal(call('GetUserByID', { user_id: '' }));
    expect(refused).toMatchObject({
      code: status.INVALID_ARGUMENT,
      message: expect.stringMatching(/^The request breaks a rule: user_id: .+ \(INVALID_REQUEST\)$/),
      details: {
        'google.rpc.ErrorInfo': { reason: 'INVALID_REQUEST', domain: 'roster' },
        'zitadel.v1.ErrorDetail': { id: 'INVALID_REQUEST' },
        'google.rpc.BadRequest': { field_violations: [{ field: 'user_id' }] },
      },
    });
  });

  test('keeps what is not ASCII', async () => {
    const user_id = await createHuman(server);
    const refused = await refusal(call('DeleteUserMetadata', { user_id, keys: ['100% 東京'] }));
    expect(refused.code).toBe(status.NOT_FOUND);
    expect(refused.message).toBe('The user has no metadata "100% 東京". (METADATA_NOT_FOUND)');
  });

  test('of a missing or wrong token is UNAUTHENTICATED', async () => {
    for (const metadata of [new Metadata(), withToken('wrong')]) {
      const refused = await refusal(call('ListUsers', {}, { metadata }));
      expect(refused).toMatchObject({
        code: status.UNAUTHENTICATED,
        details: { 'google.rpc.ErrorInfo': { reason: 'UNAUTHENTICATED' } },
      });
    }
  });
});

/** Runs the work while another transaction holds the user's row, so that a change of it has to wait. */
const whileLocked = (userId: string, work: () => Promise<void>) =>
  server.sql.begin(async (tx) => {
    await tx`select from users where id = ${userId} for update`;
    await work();
  });

test('a deadline ends a call that takes too long', async () => {
  const user_id = await createHuman(server);
  await whileLocked(user_id, async () => {
    const refused = await refusal(call('LockUser', { user_id }, { deadline: Date.now() + 300 }));
    expect(refused.code).toBe(status.DEADLINE_EXCEEDED);
  });
  await call('GetUserByID', { user_id });
});

test('a caller can give a call up', async () => {
  const user_id = await createHuman(server);
  await whileLocked(user_id, async () => {
    const refused = await refusal(call('LockUser', { user_id }, { onCall: (made) => setTimeout(() => made.cancel(), 100) }));
    expect(refused.code).toBe(status.CANCELLED);
  });
  await call('GetUserByID', { user_id });
});

test('metadata may be large, but not without end', async () => {
  const user_id = await createHuman(server);
  const padded = (length: number) => {
    const metadata = withToken();
    metadata.set('x-padding', 'x'.repeat(length));
    return call('GetUserByID', { user_id }, { metadata });
  };
  await padded(12_000);
  expect((await refusal(padded(20_000))).code).toBe(status.RESOURCE_EXHAUSTED);
  await padded(12_000);
});
