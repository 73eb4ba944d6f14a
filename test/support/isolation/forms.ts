// Makes requests from their definitions alone: the smallest that the rules accept, and one more for each thing that a
// caller may leave out.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';
import { field as fieldRules, oneof as oneofRules } from '../../../gen/buf/validate/validate_pb.ts';
import { idPlaces, isIdField } from './ids.ts';
import { insideItself, known, knownEnums, unsaid } from './values.ts';

export interface Form {
  /** What the request has beyond the smallest one. */
  label: string;
  json: JsonObject;
}

/** Every form of a message; the ids in them are empty. `above` are the fields that it stands in. */
export function* formsOf(message: DescMessage, above: readonly DescField[] = []): Generator<Form> {
  if (above.some(({ parent }) => parent === message)) return yield innermost(message);
  const base = smallest(message, above);
  const more = { ...base, ...unsaid[message.typeName] };
  const plain = message.fields.filter((field) => isPlain(field) && !(field.jsonName in base));
  const full = { ...more, ...Object.fromEntries(plain.map((field) => [field.jsonName, plainOf(field)])) };
  const [around] = above;
  // Where it was chosen to be there, a message that says nothing makes no sense.
  const chosen = around !== undefined && (around.oneof !== undefined || around.fieldKind === 'list');
  yield { label: '', json: chosen ? full : base };
  if (plain.length > 0 && !chosen) yield { label: 'plain', json: full };
  for (const field of message.fields) {
    if (plain.includes(field)) continue;
    for (const { label, value } of valuesOf(field, above)) {
      if (field.jsonName in base && label === '') continue;
      yield { label: join(field.name, label), json: { ...without(more, field.oneof), [field.jsonName]: value } };
    }
  }
}

/** What the rules do not let be left out. An id, and a list of texts, always says something. */
function smallest(message: DescMessage, above: readonly DescField[]): JsonObject {
  const firsts = message.oneofs.filter((oneof) => hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required);
  const needed = message.fields.filter((field) => isNeeded(field) || firsts.some(({ fields }) => fields[0] === field));
  return Object.fromEntries(needed.map((field) => [field.jsonName, firstValueOf(field, above)]));
}

function isNeeded(field: DescField): boolean {
  if (field.oneof) return false;
  if (field.fieldKind === 'list') return field.listKind === 'scalar';
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  if (rules?.required) return true;
  if (field.fieldKind !== 'scalar' || field.proto.proto3Optional) return false;
  return isIdField(field) || (rules?.type.case === 'string' && rules.type.value.minLen > 0n);
}

/** What may be left out, but chooses nothing. */
const isPlain = (field: DescField): boolean =>
  !field.oneof && !isIdField(field) && (field.fieldKind === 'scalar' || field.fieldKind === 'enum' || isTime(field));

const isStruct = (field: DescField): boolean => field.message?.typeName === 'google.protobuf.Struct';
const isTime = (field: DescField): boolean =>
  field.message?.typeName === 'google.protobuf.Timestamp' || field.message?.typeName === 'google.protobuf.Duration';

function firstValueOf(field: DescField, above: readonly DescField[]): JsonValue {
  for (const { value } of valuesOf(field, above)) return value;
  throw new Error(`${field} has no value`);
}

function* valuesOf(field: DescField, above: readonly DescField[]): Generator<{ label: string; value: JsonValue }> {
  const { message } = field;
  if (!message || isTime(field) || isStruct(field)) {
    const value = plainOf(field);
    return yield { label: '', value: field.fieldKind === 'list' ? [value] : value };
  }
  for (const { label, json } of formsOf(message, [field, ...above])) {
    // A request inside of another one has been asked on its own; only what it names is new here.
    if (label !== '' && above.length > 0 && message.name.endsWith('Request') && !namesMore(message, json)) continue;
    yield { label, value: field.fieldKind === 'list' ? [json] : json };
  }
}

const namesMore = (message: DescMessage, json: JsonObject): boolean => [...idPlaces(message, json)].length > 0;

function plainOf(field: DescField): JsonValue {
  if (isIdField(field)) return '';
  const given = known[`${field.parent.typeName}.${field.name}`] ?? known[field.name];
  if (given !== undefined) return given;
  if (isTime(field)) return '2026-06-01T00:00:00Z';
  if (field.enum) return numberOf(field.enum);
  switch (field.scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BYTES:
      return btoa('x');
    case ScalarType.BOOL:
      return true;
    default:
      return 0;
  }
}

/** Found in most names, so that a search for it has an answer. */
const text = 'a';

const numberOf = (type: DescEnum): number => knownEnums[type.name] ?? type.values[1]?.number ?? 0;

function innermost(message: DescMessage): Form {
  const json = insideItself[message.typeName];
  if (!json) throw new Error(`${message.typeName} stands in itself: give one in values.ts`);
  return { label: '', json };
}

const without = (json: JsonObject, oneof: DescOneof | undefined): JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !oneof?.fields.some(({ jsonName }) => jsonName === name)));

const join = (name: string, label: string): string => (label === '' ? name : `${name}.${label}`);
