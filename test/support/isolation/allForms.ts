// For tests of one choice wherever it stands: also inside of a request that is part of another one, where the matrix of
// ids needs one form only.
import type { DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { type Form, formsOf } from './forms.ts';

/** Every form of a message, with every form of each request in it. */
export function* allFormsOf(message: DescMessage): Generator<Form> {
  const seen = new Set<string>();
  for (const { label, json } of formsOf(message)) {
    for (const form of [{ label, json }, ...expanded(message, json, label)]) {
      const text = JSON.stringify(form.json);
      if (!seen.has(text)) yield form;
      seen.add(text);
    }
  }
}

function* expanded(message: DescMessage, json: JsonObject, label: string): Generator<Form> {
  for (const field of message.fields) {
    const { message: inner, jsonName } = field;
    const value = json[jsonName];
    if (!inner || value === undefined) continue;
    const item = Array.isArray(value) ? value[0] : value;
    if (!isObject(item)) continue;
    const placed = (changed: JsonObject): JsonObject => ({ ...json, [jsonName]: Array.isArray(value) ? [changed] : changed });
    const forms = inner.name.endsWith('Request') ? formsOf(inner) : expanded(inner, item, '');
    for (const form of forms) yield { label: `${label} ${field.name}.${form.label}`, json: placed(form.json) };
  }
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every place of a name in a request. */
export function* valuesOf(json: JsonValue, name: string, path: (string | number)[] = []): Generator<Found> {
  if (Array.isArray(json)) {
    for (const [index, item] of json.entries()) yield* valuesOf(item, name, [...path, index]);
  } else if (isObject(json)) {
    for (const [key, value] of Object.entries(json)) {
      if (key === name) yield { path: [...path, key], value };
      yield* valuesOf(value, name, [...path, key]);
    }
  }
}

export interface Found {
  /** From the request. */
  path: (string | number)[];
  value: JsonValue;
}
