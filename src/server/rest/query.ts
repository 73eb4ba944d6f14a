import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';

/** A field that a query names, and all that it says of it. */
interface Named {
  fields: readonly DescField[];
  /** For a map: `name[key]`. */
  key: string | undefined;
  values: string[];
}

/**
 * The part of a request that a query holds, in protobuf's JSON: fields by their names or JSON names, nested ones with dots,
 * lists by repeating, maps as `name[key]`. What is no field of the request is passed over, as are the fields that the path
 * or the body holds. Throws INVALID_ARGUMENT.
 */
export function fromQuery(input: DescMessage, query: string, elsewhere: (fields: readonly DescField[]) => boolean): JsonObject {
  const named = new Map<string, Named>();
  for (const [name, value] of new URLSearchParams(query)) {
    const [, path = name, key] = /^([^[\]]*)\[(.*)\]$/.exec(name) ?? [];
    const fields = resolve(input, path.split('.'));
    if (!fields || elsewhere(fields)) continue;
    const id = [...fields.map(({ number }) => number), key ?? ''].join('.');
    const known = named.get(id);
    if (known) known.values.push(value);
    else named.set(id, { fields, key, values: [value] });
  }
  const json: JsonObject = {};
  for (const one of named.values()) place(json, one);
  return json;
}

/** Undefined for what is no field. */
function resolve(input: DescMessage, names: readonly string[]): DescField[] | undefined {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const name of names) {
    if (!message) throw wrong(names.join('.'), 'has no fields of its own');
    const field: DescField | undefined = message.fields.find((one) => one.name === name || one.jsonName === name);
    if (!field) return undefined;
    fields.push(field);
    const isNested: boolean = field.fieldKind === 'message' && !field.message.typeName.startsWith('google.protobuf.');
    message = isNested ? field.message : undefined;
  }
  return fields;
}

function place(json: JsonObject, { fields, key, values }: Named): void {
  const name = fields.map((field) => field.name).join('.');
  const last = fields.at(-1);
  if (!last) return;
  const into = objectAt(json, fields.slice(0, -1));
  const [value = '', ...more] = values;
  if (last.fieldKind === 'list') {
    into[last.jsonName] = values.map((one) => elementOf(last, one, name));
    return;
  }
  if (more.length > 0) throw wrong(name, 'holds one value, and is given several');
  if (last.fieldKind !== 'map') into[last.jsonName] = elementOf(last, value, name);
  else if (key === undefined) throw wrong(name, 'is a map: name[key]');
  else define(objectAt(into, [last]), key, elementOf(last, value, name));
}

/** Whatever the key is called, it is one of the object's own. */
const define = (into: JsonObject, key: string, value: JsonValue): void =>
  void Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });

/** The object that some fields lead to, made where it is not there. */
export function objectAt(json: JsonObject, fields: readonly DescField[]): JsonObject {
  return fields.reduce((within, { jsonName }) => {
    const known = within[jsonName];
    if (typeof known === 'object' && known !== null && !Array.isArray(known)) return known;
    const made: JsonObject = {};
    within[jsonName] = made;
    return made;
  }, json);
}

/** A value of a field, of one of its items or entries, as protobuf's JSON has it. Throws INVALID_ARGUMENT. */
export function elementOf(field: DescField, text: string, name: string): JsonValue {
  if (field.enum) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (field.message) return wellKnown(field.message, text, name);
  return scalarOf(field.scalar, text, name);
}

function scalarOf(scalar: ScalarType | undefined, text: string, name: string): JsonValue {
  if (scalar !== ScalarType.BOOL) return text;
  if (text !== 'true' && text !== 'false') throw wrong(name, 'is true or false');
  return text === 'true';
}

/** Of messages only those that have a form of their own in JSON are one value. */
function wellKnown({ typeName, field }: DescMessage, text: string, name: string): JsonValue {
  const [, kind = ''] = /^google\.protobuf\.(\w+)$/.exec(typeName) ?? [];
  if (kind.endsWith('Value') && field.value?.scalar !== undefined) return scalarOf(field.value.scalar, text, name);
  if (['Timestamp', 'Duration', 'FieldMask'].includes(kind)) return text;
  if (!['Struct', 'Value', 'ListValue'].includes(kind)) throw wrong(name, 'is a message: name its fields');
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(name, 'is not JSON');
  }
}

const wrong = (name: string, problem: string) => new ConnectError(`query parameter ${name} ${problem}`, Code.InvalidArgument);
