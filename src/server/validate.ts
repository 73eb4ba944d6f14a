import { type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { isReflectMessage, type Path, pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import type { Interceptor } from '@connectrpc/connect';
import { failure, type Violation } from '../kernel/errors.ts';
import { isClearlySound } from './soundness.ts';

const validator = createValidator();

/** Violations told at once: gRPC sends them in a trailer, for which clients and proxies have little room. */
const maximumViolations = 50;

/** Holds a request against the rules that its definition states, and against what no text may contain. */
export const validate: Interceptor = (next) => (req) => {
  if (!req.stream) check(req.method.input, req.message);
  return next(req);
};

function check(schema: DescMessage, message: Message): void {
  if (isClearlySound(schema, message)) return;
  const oversized = [...oversizedStructs(reflect(schema, message), [])];
  if (oversized.length > 0) refuse(oversized);
  const result = validator.validate(schema, message);
  if (result.kind === 'error') throw result.error;
  const broken = result.kind === 'invalid' ? result.violations.map(toViolation) : [];
  const violations = [...broken, ...brokenTexts(reflect(schema, message), [])].slice(0, maximumViolations);
  if (violations.length > 0) refuse(violations);
}

function refuse(violations: readonly Violation[]): never {
  const violation = violations.map(({ field, description }) => `${field}: ${description}`)[0] ?? '';
  throw failure('INVALID_REQUEST', { metadata: { violation }, violations });
}

/** Values that a struct of any shape may hold: far more than any credential has. Rules are held against each of them. */
const maximumStructValues = 1000;

/** Said before anything else is looked at, which would take long with them. */
function* oversizedStructs(message: ReflectMessage, path: Path): Generator<Violation> {
  for (const field of message.fields) {
    if (field.fieldKind !== 'message' || !message.isSet(field)) continue;
    const here: Path = [...path, field];
    if (field.message.typeName !== 'google.protobuf.Struct') yield* oversizedStructs(message.get(field), here);
    // As it is: the reflected form of a large one takes long to make.
    else if (valuesOf(Reflect.get(message.message, field.localName), maximumStructValues) > maximumStructValues) {
      yield { field: pathToString(here), description: `must hold at most ${maximumStructValues} values` };
    }
  }
}

/** How many values there are in a value, itself included; no more than one above `limit` are counted. */
function valuesOf(value: unknown, limit: number): number {
  let count = 1;
  if (typeof value !== 'object' || value === null) return count;
  for (const key in value) {
    if (count > limit) break;
    count += valuesOf(Reflect.get(value, key), limit - count);
  }
  return count;
}

const toViolation = ({ field, message }: { field: Path; message: string }): Violation => ({
  field: pathToString(field),
  description: message,
});

/** A NUL or half a surrogate pair is text that Postgres, and many a program behind it, cannot hold. */
function* brokenTexts(message: ReflectMessage, path: Path): Generator<Violation> {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const here: Path = [...path, field];
    switch (field.fieldKind) {
      case 'scalar':
        if (field.scalar === ScalarType.STRING) yield* brokenText(message.get(field), here);
        break;
      case 'message':
        yield* brokenTexts(message.get(field), here);
        break;
      case 'list':
        for (const [index, item] of [...message.get(field)].entries()) {
          const at: Path = [...here, { kind: 'list_sub', index }];
          if (field.listKind === 'scalar' && field.scalar === ScalarType.STRING) yield* brokenText(item, at);
          if (isReflectMessage(item)) yield* brokenTexts(item, at);
        }
        break;
      case 'map':
        for (const [key, value] of message.get(field)) {
          const at: Path = [...here, { kind: 'map_sub', key: String(key) }];
          yield* brokenText(key, at);
          yield* brokenText(value, at);
          if (isReflectMessage(value)) yield* brokenTexts(value, at);
        }
        break;
      case 'enum':
        break;
    }
  }
}

function* brokenText(text: unknown, path: Path): Generator<Violation> {
  if (typeof text !== 'string') return;
  if (text.includes('\0')) yield { field: pathToString(path), description: 'must not contain a NUL character' };
  else if (!text.isWellFormed()) yield { field: pathToString(path), description: 'must be well-formed Unicode' };
}
