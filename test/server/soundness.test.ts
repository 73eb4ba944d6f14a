// What is let through without the library that evaluates rules: nothing that it would refuse, and nearly all that it takes.
import { create, type DescField, type DescMessage, type Message, ScalarType, toJsonString } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { isClearlySound } from '../../src/server/soundness.ts';
import { served } from '../support/rawCalls.ts';

const validator = createValidator();
const lengths = [0, 1, 2, 3, 10, 50, 99, 100, 101, 200, 201, 500, 501];
const text = fc.oneof(
  fc.constantFrom('', 'a', 'ada@example.com', 'a@b', 'a b@c.d', 'a@-.d', '@', '\0', 'a\0b'),
  fc.tuple(fc.constantFrom('x', 'é', '𝒳'), fc.constantFrom(...lengths)).map(([letter, length]) => letter.repeat(length)),
);
const bytes = fc.constantFrom(...lengths, 12_001, 500_001).map((length) => new Uint8Array(length));
const number = fc.integer({ min: -2, max: 60 });

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BYTES:
      return bytes;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return number.map((value) => BigInt(Math.abs(value)));
    default:
      return number.map(Math.abs);
  }
}

const depthLimit = 3;

function one(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message) return message(field.message, depth + 1);
  return field.enum ? number.map(Math.abs) : scalar(field.scalar ?? ScalarType.STRING);
}

/** Each field is there or not. */
function message(schema: DescMessage, depth = 0): fc.Arbitrary<ReflectMessage> {
  const fields = depth > depthLimit || schema.typeName === 'google.protobuf.Struct' ? [] : schema.fields;
  const values = fields.map((field) => {
    const value = one(field, depth);
    return fc.option(field.fieldKind === 'list' ? fc.array(value, { maxLength: 22 }) : value, { nil: undefined, freq: 2 });
  });
  return fc.tuple(...values).map((given) => filled(schema, fields, given));
}

function filled(schema: DescMessage, fields: readonly DescField[], given: readonly unknown[]): ReflectMessage {
  const made = reflect(schema, create(schema));
  for (const [index, field] of fields.entries()) {
    const value = given[index];
    if (value === undefined) continue;
    if (field.fieldKind === 'list' && Array.isArray(value)) for (const item of value) made.get(field).add(item);
    else if (field.fieldKind === 'map') made.get(field).set(field.mapKey === ScalarType.STRING ? 'key' : 1, value);
    else if (field.fieldKind !== 'list') Reflect.apply(made.set, made, [field, value]);
  }
  return made;
}

const holdsBrokenText = (schema: DescMessage, message: Message): boolean => {
  try {
    return toJsonString(schema, message).includes('\\u0000');
  } catch {
    // JSON has no place for half a surrogate pair.
    return true;
  }
};

test.each(served)('%s: whatever breaks a rule is not let through', (_, { input }) => {
  fc.assert(
    fc.property(message(input), ({ message: request }) => {
      if (!isClearlySound(input, request)) return;
      expect(validator.validate(input, request).kind).toBe('valid');
      expect(holdsBrokenText(input, request)).toBe(false);
    }),
    { numRuns: 40 },
  );
});

const { getUserByID, listUsers, addHumanUser, createUser, updateUser, setUserMetadata, verifyPasskeyRegistration } =
  UserService.method;
const names = { givenName: 'Ada', familyName: 'Lovelace' };
const email = { email: 'ada@example.com', verification: { case: 'isVerified', value: true } } as const;

test.each([
  ['getUserByID', getUserByID.input, create(getUserByID.input, { userId: 'ada' })],
  ['listUsers', listUsers.input, create(listUsers.input, { query: { limit: 100 } })],
  ['addHumanUser', addHumanUser.input, create(addHumanUser.input, { username: 'ada', profile: names, email })],
  [
    'createUser',
    createUser.input,
    create(createUser.input, { organizationId: '1', userType: { case: 'human', value: { profile: names, email } } }),
  ],
  ['updateUser', updateUser.input, create(updateUser.input, { userId: 'ada', userType: { case: 'human', value: { email } } })],
  [
    'setUserMetadata',
    setUserMetadata.input,
    create(setUserMetadata.input, { userId: 'ada', metadata: [{ key: 'k', value: new Uint8Array(1) }] }),
  ],
] satisfies [string, DescMessage, Message][])('a usual %s needs no library', (_, schema, request) => {
  expect(isClearlySound(schema, request)).toBe(true);
});

test.each([
  ['NUL', getUserByID.input, create(getUserByID.input, { userId: 'a\0' })],
  ['half a surrogate pair', getUserByID.input, create(getUserByID.input, { userId: 'a\ud800' })],
  ['a text that is too long', getUserByID.input, create(getUserByID.input, { userId: 'a'.repeat(201) })],
  [
    // However little it holds: how much it may hold is counted elsewhere.
    'an object of any shape',
    verifyPasskeyRegistration.input,
    create(verifyPasskeyRegistration.input, { userId: 'a', passkeyId: 'a', passkeyName: 'a', publicKeyCredential: {} }),
  ],
] satisfies [string, DescMessage, Message][])('%s is looked at closely', (_, schema, request) => {
  expect(isClearlySound(schema, request)).toBe(false);
});
