// What address and body make of a request, by themselves: with definitions made here, as ours use few of the forms.
import { createFileRegistry, type DescMethod, fromJson, type JsonValue, setExtension, toJson } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { http } from '../../../gen/google/api/annotations_pb.ts';
import { HttpRuleSchema } from '../../../gen/google/api/http_pb.ts';
import { bindingsOf } from '../../../src/server/rest/bindings.ts';
import { requestOf } from '../../../src/server/rest/request.ts';

const field = (name: string, number: number, type: string, more: Record<string, JsonValue> = {}) => ({
  name,
  jsonName: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
  number,
  type: `TYPE_${type}`,
  label: 'LABEL_OPTIONAL',
  ...more,
});
const message = (name: string, number: number, typeName: string) => field(name, number, 'MESSAGE', { typeName });
const several = { label: 'LABEL_REPEATED' };

/** A method with such a rule, as JSON of google.api.HttpRule. */
function methodWith(rule: JsonValue): DescMethod {
  const known = [
    file_google_protobuf_duration,
    file_google_protobuf_field_mask,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_wrappers,
  ];
  const file = fromJson(FileDescriptorProtoSchema, {
    name: 'test.proto',
    package: 'test',
    syntax: 'proto3',
    dependency: known.map(({ proto }) => proto.name),
    enumType: [
      {
        name: 'Kind',
        value: [
          { name: 'KIND_NONE', number: 0 },
          { name: 'KIND_SOME', number: 1 },
        ],
      },
    ],
    messageType: [
      {
        name: 'Ask',
        field: [
          field('user_id', 1, 'STRING'),
          message('inner', 2, '.test.Inner'),
          field('names', 3, 'STRING', several),
          field('kind', 4, 'ENUM', { typeName: '.test.Kind' }),
          field('kinds', 5, 'ENUM', { typeName: '.test.Kind', ...several }),
          field('data', 6, 'BYTES'),
          field('yes', 7, 'BOOL'),
          field('big', 8, 'UINT64'),
          field('part', 9, 'DOUBLE'),
          message('at', 10, '.google.protobuf.Timestamp'),
          message('lasting', 11, '.google.protobuf.Duration'),
          message('mask', 12, '.google.protobuf.FieldMask'),
          message('wrapped', 13, '.google.protobuf.BoolValue'),
          message('shape', 14, '.google.protobuf.Struct'),
          field('words', 15, 'MESSAGE', { typeName: '.test.Ask.WordsEntry', ...several }),
          field('inners', 16, 'MESSAGE', { typeName: '.test.Inner', ...several }),
          field('left', 17, 'STRING', { oneofIndex: 0 }),
          field('right', 18, 'STRING', { oneofIndex: 0 }),
          field('small', 19, 'INT32'),
        ],
        oneofDecl: [{ name: 'side' }],
        nestedType: [
          {
            name: 'WordsEntry',
            options: { mapEntry: true },
            field: [field('key', 1, 'STRING'), field('value', 2, 'STRING')],
          },
        ],
      },
      { name: 'Inner', field: [field('some_name', 1, 'STRING'), message('inner', 2, '.test.Inner')] },
    ],
    service: [{ name: 'Service', method: [{ name: 'Call', inputType: '.test.Ask', outputType: '.test.Ask', options: {} }] }],
  });
  const options = file.service[0]?.method[0]?.options;
  if (!options) throw new Error('the method has no options');
  setExtension(options, http, fromJson(HttpRuleSchema, rule));
  const registry = createFileRegistry(file, (name) => known.find(({ proto }) => proto.name === name));
  const method = registry.getService('test.Service')?.methods[0];
  if (!method) throw new Error('there is no method');
  return method;
}

interface Sent {
  segments?: string[];
  query?: string;
  body?: string;
}

/** The request in JSON, or the problem that is told. */
function made(rule: JsonValue, { segments = ['v1'], query = '', body = '' }: Sent): JsonValue {
  const [binding] = bindingsOf(methodWith(rule));
  if (!binding) throw new Error('there is no binding');
  return toJson(binding.method.input, requestOf({ binding, segments, query }, Buffer.from(body)));
}

const plain = { get: '/v1' };

test.each<[query: string, request: JsonValue]>([
  ['', {}],
  ['user_id=1', { userId: '1' }],
  ['userId=a+b%2Bc%26', { userId: 'a b+c&' }],
  ['names=a&names=b&names=', { names: ['a', 'b', ''] }],
  ['inner.some_name=x&inner.inner.someName=y', { inner: { someName: 'x', inner: { someName: 'y' } } }],
  ['kind=KIND_SOME', { kind: 'KIND_SOME' }],
  ['kind=1&kinds=1&kinds=KIND_NONE', { kind: 'KIND_SOME', kinds: ['KIND_SOME', 'KIND_NONE'] }],
  ['data=%2B%2F8%3D', { data: '+/8=' }],
  ['data=-_8', { data: '+/8=' }],
  ['yes=true&big=18446744073709551615&part=1.5&small=-7', { yes: true, big: '18446744073709551615', part: 1.5, small: -7 }],
  ['at=2026-01-02T03:04:05Z&lasting=1.5s&mask=a,bC', { at: '2026-01-02T03:04:05Z', lasting: '1.500s', mask: 'a,bC' }],
  ['wrapped=false', { wrapped: false }],
  ['shape=%7B%22a%22:[1]%7D', { shape: { a: [1] } }],
  ['words[a]=1&words[__proto__]=2', { words: JSON.parse('{"a":"1","__proto__":"2"}') }],
  ['unknown=1&inner.unknown=2&__proto__.x=1&constructor=1', {}],
  ['left=a', { left: 'a' }],
])('the query %s is read', (query, request) => {
  expect(made(plain, { query })).toEqual(request);
});

test.each([
  ['user_id=1&userId=2', /user_id holds one value/],
  ['user_id=1&user_id=1', /user_id holds one value/],
  ['user_id.x=1', /user_id\.x has no fields/],
  ['names.x=1', /has no fields/],
  ['at.seconds=1', /has no fields/],
  ['inner=x', /inner is a message/],
  ['inners=x', /inners is a message/],
  ['inners.some_name=x', /has no fields/],
  ['words=x', /words is a map/],
  ['yes=1', /yes is true or false/],
  ['yes=', /yes is true or false/],
  ['kind=KIND_OTHER', /KIND_OTHER/],
  ['small=x', /small/],
  ['small=', /small/],
  ['small=99999999999', /small/],
  ['big=-1', /big/],
  ['data=%25', /data/],
  ['at=yesterday', /Timestamp/],
  ['shape=%7B', /shape is not JSON/],
  ['shape=1', /Struct/],
  ['left=a&right=b', /side/],
])('the query %s is refused as INVALID_ARGUMENT', (query, problem) => {
  expect(() => made(plain, { query })).toThrow(problem);
  expect(() => made(plain, { query })).toThrow(/^\[invalid_argument\]/);
});

describe('a body', () => {
  const whole = { post: '/v1/{user_id}', body: '*' };
  const inner = { post: '/v1/{inner.some_name}/{user_id}', body: 'inner' };

  test.each<[string, JsonValue, Sent, JsonValue]>([
    ['is the whole request', whole, { segments: ['v1', '1'], body: '{"names":["a"]}' }, { userId: '1', names: ['a'] }],
    ['counts less than the path', whole, { segments: ['v1', '1'], body: '{"user_id":"2"}' }, { userId: '1' }],
    ['leaves no room for a query', whole, { segments: ['v1', '1'], query: 'names=a', body: '{}' }, { userId: '1' }],
    ['may be left out', whole, { segments: ['v1', '1'] }, { userId: '1' }],
    ['may hold what nobody knows', whole, { segments: ['v1', '1'], body: '{"unknown":1}' }, { userId: '1' }],
    [
      'is one field, beside path and query',
      inner,
      {
        segments: ['v1', 'x', '1'],
        query: 'names=a&inner.some_name=y&inner.inner.some_name=y',
        body: '{"inner":{"someName":"z"}}',
      },
      { userId: '1', names: ['a'], inner: { someName: 'x', inner: { someName: 'z' } } },
    ],
    ['is not looked at where there is no place for it', { post: '/v1' }, { body: '{', query: 'user_id=1' }, { userId: '1' }],
  ])('%s', (_, rule, sent, request) => {
    expect(made(rule, sent)).toEqual(request);
  });

  test.each(['{', '[]', 'null', '"a"', '1', '{"names":1}', '{"userId":{}}', '{"data":"%"}', '{"small":1.5}', '\u0000', '{} {}'])(
    '%j is refused as INVALID_ARGUMENT',
    (body) => {
      expect(() => made(whole, { segments: ['v1', '1'], body })).toThrow(/^\[invalid_argument\]/);
    },
  );
});

test('a field that the path holds is not taken from the query', () => {
  const sent = { segments: ['v1', 'x'], query: 'inner.some_name=y&inner.inner.some_name=z' };
  expect(made({ get: '/v1/{inner.some_name}' }, sent)).toEqual({ inner: { someName: 'x', inner: { someName: 'z' } } });
  expect(made({ get: '/v1/{small}' }, { segments: ['v1', '1'], query: 'small=x&small=2' })).toEqual({ small: 1 });
});

test('a path holds what its fields do', () => {
  expect(made({ get: '/v1/{kind}/{small}/{yes}' }, { segments: ['v1', '1', '-3', 'true'] })).toEqual({
    kind: 'KIND_SOME',
    small: -3,
    yes: true,
  });
  expect(() => made({ get: '/v1/{small}' }, { segments: ['v1', 'x'] })).toThrow(/^\[invalid_argument\]/);
});

test('further bindings come after the first one, and each has methods and paths of its own', () => {
  const rule = {
    get: '/v1/{user_id}',
    additionalBindings: [{ custom: { kind: 'LOOK', path: '/v1' } }, { patch: '/v1', body: '*' }],
  };
  const found = bindingsOf(methodWith(rule)).map(({ verb, path, body }) => [verb, path, body]);
  expect(found).toEqual([
    ['GET', '/v1/{user_id}', 'none'],
    ['LOOK', '/v1', 'none'],
    ['PATCH', '/v1', 'whole'],
  ]);
});

test.each([
  { get: '/v1/{nobody}' },
  { get: '/v1/{user_id.x}' },
  { get: '/v1/{names}' },
  { get: '/v1/{inner}' },
  { get: '/v1/{inners.some_name}' },
  { post: '/v1', body: 'nobody' },
  { body: '*' },
])('a rule that names what is not there keeps the server from starting: %j', (rule) => {
  expect(() => bindingsOf(methodWith(rule))).toThrow();
});
