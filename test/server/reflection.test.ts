import { create, createFileRegistry, type DescFile, fromBinary, getOption, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { Client, credentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { describe, expect, it, onTestFinished } from 'vitest';
import { http } from '../../gen/google/api/annotations_pb.ts';
import { Health as HealthService } from '../../gen/grpc/health/v1/health_pb.ts';
import * as v1 from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import * as v1alpha from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { Health } from '../../src/server/health.ts';
import { reflectionRoutes } from '../../src/server/reflection.ts';
import { serveRoutes, tls } from '../support/edge.ts';

type Question = v1.ServerReflectionRequest['messageRequest'];
type Answer = v1.ServerReflectionResponse;

async function start(options: Parameters<typeof serveRoutes>[1] = {}): Promise<Client> {
  const reflection = reflectionRoutes([UserService, HealthService]);
  const health = new Health([]);
  health.set(true);
  const { port } = await serveRoutes((router) => {
    reflection(router);
    health.routes(router);
  }, options);
  const client = new Client(`localhost:${port}`, options.tls ? credentials.createSsl(tls.cert) : credentials.createInsecure());
  onTestFinished(() => client.close());
  return client;
}

/**
 * Asks all questions on one stream. The messages of both versions have the same bytes, so v1's types read and write both; what
 * carries them is grpc-js, an implementation of its own.
 */
async function ask(client: Client, questions: readonly Question[], version = v1.ServerReflection.typeName): Promise<Answer[]> {
  const stream = client.makeBidiStreamRequest(
    `/${version}/ServerReflectionInfo`,
    (messageRequest: Question) => {
      const request = create(v1.ServerReflectionRequestSchema, { host: 'a.host', messageRequest });
      return Buffer.from(toBinary(v1.ServerReflectionRequestSchema, request));
    },
    (bytes): Answer => fromBinary(v1.ServerReflectionResponseSchema, bytes),
  );
  for (const question of questions) stream.write(question);
  stream.end();
  return stream.toArray();
}

async function answerTo(question: Question): Promise<Answer['messageResponse']> {
  const [answer] = await ask(await start(), [question]);
  if (answer === undefined) throw new Error('no answer');
  return answer.messageResponse;
}

const symbol = (value: string): Question => ({ case: 'fileContainingSymbol', value });
const extension = (containingType: string, extensionNumber: number): Question => ({
  case: 'fileContainingExtension',
  value: create(v1.ExtensionRequestSchema, { containingType, extensionNumber }),
});

function filesIn(answer: Answer['messageResponse']) {
  if (answer.case !== 'fileDescriptorResponse') throw new Error(`no files but ${answer.case}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

/** The file that was asked for stands before its imports. */
const fileIn = (answer: Answer['messageResponse']) => filesIn(answer)[0]?.name;

describe.each([v1.ServerReflection.typeName, v1alpha.ServerReflection.typeName])('%s', (version) => {
  it('lists the services, itself among them', async () => {
    const [answer] = await ask(await start(), [{ case: 'listServices', value: '' }], version);
    const services = [
      'grpc.health.v1.Health',
      v1.ServerReflection.typeName,
      v1alpha.ServerReflection.typeName,
      UserService.typeName,
    ];
    expect(answer?.messageResponse).toMatchObject({
      case: 'listServicesResponse',
      value: { service: services.map((name) => ({ name })) },
    });
  });

  it('answers each question on the stream with the question, also after one it cannot answer', async () => {
    const questions = [symbol('no.Such'), symbol(UserService.typeName), symbol('')];
    const answers = await ask(await start(), questions, version);
    expect(answers.map(({ originalRequest }) => originalRequest?.messageRequest)).toEqual(questions);
    expect(answers.map(({ validHost }) => validHost)).toEqual(['a.host', 'a.host', 'a.host']);
    expect(answers.map(({ messageResponse }) => messageResponse.case)).toEqual([
      'errorResponse',
      'fileDescriptorResponse',
      'errorResponse',
    ]);
  });
});

describe('files', () => {
  it('come with all they import, importers first, each once', async () => {
    const names: string[] = [];
    for (const file of filesIn(await answerTo(symbol(UserService.typeName))).reverse()) {
      expect(names, `imports of ${file.name}`).toEqual(expect.arrayContaining(file.dependency));
      names.push(file.name);
    }
    expect(new Set(names).size).toBe(names.length);
    expect(names.at(-1)).toBe('zitadel/user/v2/user_service.proto');
    const imported = ['google/api/annotations.proto', 'buf/validate/validate.proto', 'google/protobuf/descriptor.proto'];
    expect(names).toEqual(expect.arrayContaining(imported));
  });

  it('are what the server speaks, options included', async () => {
    const file = filesIn(await answerTo(symbol(UserService.typeName)));
    const loaded = createFileRegistry(create(FileDescriptorSetSchema, { file: file.toReversed() }));
    const bytes = (desc: DescFile | undefined) => desc && toBinary(FileDescriptorProtoSchema, desc.proto);
    expect(bytes(loaded.getService(UserService.typeName)?.file)).toEqual(bytes(UserService.file));
    const getUser = loaded.getService(UserService.typeName)?.method.getUserByID;
    expect(getUser && getOption(getUser, http).pattern).toEqual({ case: 'get', value: '/v2/users/{user_id}' });
  });

  it.each([
    'zitadel/user/v2/user.proto',
    'google/api/http.proto',
    'google/api/annotations.proto',
    'buf/validate/validate.proto',
    'google/protobuf/timestamp.proto',
    'google/protobuf/descriptor.proto',
    'google/rpc/error_details.proto',
    'grpc/reflection/v1alpha/reflection.proto',
  ])('are found by name: %s', async (value) => {
    expect(fileIn(await answerTo({ case: 'fileByFilename', value }))).toBe(value);
  });

  it.each([
    ['a service', 'zitadel.user.v2.UserService', 'zitadel/user/v2/user_service.proto'],
    ['a method', 'zitadel.user.v2.UserService.GetUserByID', 'zitadel/user/v2/user_service.proto'],
    ['a message', 'zitadel.user.v2.SetEmailRequest', 'zitadel/user/v2/user_service.proto'],
    ['a field', 'zitadel.user.v2.SetEmailRequest.user_id', 'zitadel/user/v2/user_service.proto'],
    ['a oneof', 'zitadel.user.v2.SetEmailRequest.verification', 'zitadel/user/v2/user_service.proto'],
    ['a nested message', 'google.protobuf.DescriptorProto.ExtensionRange', 'google/protobuf/descriptor.proto'],
    ['a field of it', 'google.protobuf.DescriptorProto.ExtensionRange.start', 'google/protobuf/descriptor.proto'],
    ['an enum', 'zitadel.user.v2.UserState', 'zitadel/user/v2/user.proto'],
    ['an enum value', 'zitadel.user.v2.USER_STATE_ACTIVE', 'zitadel/user/v2/user.proto'],
    ['a nested enum', 'grpc.health.v1.HealthCheckResponse.ServingStatus', 'grpc/health/v1/health.proto'],
    ['a nested enum’s value', 'grpc.health.v1.HealthCheckResponse.NOT_SERVING', 'grpc/health/v1/health.proto'],
    ['an extension', 'google.api.http', 'google/api/annotations.proto'],
    ['what errors carry', 'google.rpc.ErrorInfo', 'google/rpc/error_details.proto'],
  ])('are found by %s', async (_, name, file) => {
    expect(fileIn(await answerTo(symbol(name)))).toBe(file);
  });

  it('are found by extension', async () => {
    expect(fileIn(await answerTo(extension('google.protobuf.MethodOptions', 72295728)))).toBe('google/api/annotations.proto');
  });
});

describe('extension numbers', () => {
  const numbers = (value: string): Question => ({ case: 'allExtensionNumbersOfType', value });

  it.each([
    ['google.protobuf.FieldOptions', [1159]],
    ['zitadel.user.v2.SetEmailRequest', []],
  ])('of %s are %j', async (baseTypeName, extensionNumber) => {
    const answer = await answerTo(numbers(baseTypeName));
    expect(answer).toMatchObject({ case: 'allExtensionNumbersResponse', value: { baseTypeName, extensionNumber } });
  });

  it('of an unknown type are not found', async () => {
    expect(await answerTo(numbers('no.Such'))).toMatchObject({ case: 'errorResponse', value: { errorCode: Code.NotFound } });
  });
});

it.each<[string, Question, Code]>([
  ['an unknown file', { case: 'fileByFilename', value: 'no/such.proto' }, Code.NotFound],
  ['an unknown symbol', symbol('zitadel.user.v2'), Code.NotFound],
  ['an unknown extension', extension('google.protobuf.MethodOptions', 1), Code.NotFound],
  ['an extension of an unknown type', extension('no.Such', 72295728), Code.NotFound],
  ['nothing', { case: undefined }, Code.InvalidArgument],
])('%s is an error in an answer', async (_, question, errorCode) => {
  expect(await answerTo(question)).toMatchObject({ case: 'errorResponse', value: { errorCode } });
});

it.each([{}, { tls }])('a client without proto files makes a call, with %o', async (options) => {
  const client = await start(options);
  const [answer] = await ask(client, [symbol(HealthService.typeName)]);
  const file = answer ? filesIn(answer.messageResponse) : [];
  const set = Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file })));
  const check = checkOf(loadFileDescriptorSetFromBuffer(set, { enums: String })[HealthService.typeName]);
  const response = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(check.path, check.requestSerialize, check.responseDeserialize, {}, (error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
  expect(response).toEqual({ status: 'SERVING' });
});

function checkOf(definition: ReturnType<typeof loadFileDescriptorSetFromBuffer>[string] | undefined): ServiceDefinition[string] {
  if (definition === undefined || 'format' in definition || definition.Check === undefined) throw new Error('no Check');
  return definition.Check;
}
