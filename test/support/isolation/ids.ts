// The id fields of a request: found by their names in the definition, filled one by one.
import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { namesProvider } from './providers.ts';
import { foreignIds, type Kind, kinds, newIds, otherIds } from './values.ts';

export interface IdPlace {
  /** Message and field. */
  name: string;
  /** Where in the JSON. */
  path: readonly (string | number)[];
  kind: Kind | 'foreign';
  /** The id is for something new. */
  isNew: boolean;
}

export const isIdField = (field: DescField): boolean =>
  field.message === undefined &&
  (/(^|_)ids?$/.test(field.name) || field.name === 'org_domain' || otherIds[nameOf(field)] !== undefined);

export const nameOf = (field: DescField): string => `${field.parent.typeName}.${field.name}`;

/** The ids that a request of this form holds. */
export function* idPlaces(
  message: DescMessage,
  json: JsonObject,
  path: IdPlace['path'] = [],
  within?: DescField,
): Generator<IdPlace> {
  for (const field of message.fields) {
    const value = json[field.jsonName];
    if (value === undefined) continue;
    const here = [...path, field.jsonName];
    if (isIdField(field))
      yield { name: nameOf(field), path: here, kind: kindOf(field, within), isNew: newIds.has(nameOf(field)) };
    if (field.fieldKind === 'map') continue;
    for (const [inner, at] of objectsIn(value, here)) if (field.message) yield* idPlaces(field.message, inner, at, field);
  }
}

function* objectsIn(value: JsonValue, path: IdPlace['path']): Generator<[JsonObject, IdPlace['path']]> {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* objectsIn(item, [...path, index]);
  else if (isObject(value)) yield [value, path];
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** By the field's own name, or where that is only "id" by the name of what it stands in. */
function kindOf(field: DescField, within: DescField | undefined): IdPlace['kind'] {
  if (namesProvider(field)) return 'provider';
  if (foreignIds.has(nameOf(field)) || field.name === 'client_id') return 'foreign';
  const other = otherIds[nameOf(field)];
  if (other) return other;
  const message = field.parent.name.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase();
  for (const name of [field.name, within?.name ?? '', message]) {
    const words = /^(org_domain)$|^(?:in_)?(\w+?)_ids?(_|$)/.exec(name);
    const kind = kinds[words?.[1] ?? words?.[2] ?? ''];
    if (kind) return kind;
  }
  throw new Error(`say in values.ts what ${nameOf(field)} names`);
}

/** The request with this id in this place. */
export function withId(json: JsonObject, [step, ...rest]: IdPlace['path'], id: string): JsonObject {
  if (step === undefined) return json;
  return { ...json, [step]: placed(json[step], rest, id) };
}

function placed(value: JsonValue | undefined, path: IdPlace['path'], id: string): JsonValue {
  const [step, ...rest] = path;
  if (Array.isArray(value)) {
    // A list of ids, or a list on the way to one.
    if (step === undefined) return [id];
    return value.map((item, index) => (index === step ? placed(item, rest, id) : item));
  }
  return isObject(value) ? withId(value, path, id) : id;
}

/** The names of all id fields that requests of a message can hold. */
export function idFieldsOf(message: DescMessage, seen = new Set<DescMessage>()): Set<string> {
  if (seen.has(message)) return new Set();
  seen.add(message);
  const names = message.fields.filter(isIdField).map(nameOf);
  return new Set([...names, ...message.fields.flatMap((field) => (field.message ? [...idFieldsOf(field.message, seen)] : []))]);
}
