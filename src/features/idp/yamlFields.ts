// YAML as the JSON of a message. Whatever is wrong is told by its line, and never by its value: it may be a secret.
import { type DescEnum, type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

export interface Mistake {
  line: number;
  problem: string;
}

/** Where values of the form `${NAME}` come from. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A file that is being read. */
export interface Reading {
  root: Node | null;
  mistakes: Mistake[];
  variables: Variables;
  lineOf(node: Node | null): number;
}

export interface Entry {
  key: string;
  line: number;
  value: Node | null;
}

export function openYaml(text: string, variables: Variables): Reading {
  const lines = new LineCounter();
  // Without excerpts: there may be a secret in them.
  const { contents, errors } = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistakes = errors.map(({ code, pos }) => ({ line: lines.linePos(pos[0]).line, problem: `this is no YAML (${code})` }));
  return { root: contents, mistakes, variables, lineOf: (node) => lines.linePos(node?.range?.[0] ?? 0).line };
}

/** The entries of an object; none of what is no object, which is told. */
export function entriesIn(reading: Reading, node: Node | null, what: string): Entry[] {
  if (!isMap<Node, Node | null>(node)) {
    refuse(reading, node, `${what} has to be an object`);
    return [];
  }
  return node.items.map(({ key, value }) => ({
    key: isScalar(key) ? String(key.value) : '',
    line: reading.lineOf(key),
    value,
  }));
}

export function itemsIn(reading: Reading, node: Node | null, what: string): (Node | null)[] {
  if (isSeq<Node | null>(node)) return node.items;
  refuse(reading, node, `${what} has to be a list`);
  return [];
}

export const refuse = (reading: Reading, node: Node | null, problem: string): void =>
  void reading.mistakes.push({ line: reading.lineOf(node), problem });

/** The JSON of a message with these entries. Fields that it does not have are told. */
export function messageOf(reading: Reading, message: DescMessage, entries: readonly Entry[], what: string): JsonObject {
  const json: JsonObject = {};
  for (const { key, line, value } of entries) {
    const field = message.fields.find(({ jsonName }) => jsonName === key);
    if (!field) {
      reading.mistakes.push({ line, problem: `${what} has no field "${key}"` });
      continue;
    }
    const other = field.oneof?.fields.find(({ jsonName }) => jsonName in json);
    if (other) {
      reading.mistakes.push({ line, problem: `${what} has ${other.jsonName} already: it excludes ${key}` });
      continue;
    }
    const read = fieldOf(reading, field, value);
    if (read !== undefined) json[key] = read;
  }
  return json;
}

function fieldOf(reading: Reading, field: DescField, node: Node | null): JsonValue | undefined {
  const one = (item: Node | null) => partOf(reading, field, item);
  if (field.fieldKind === 'list') return itemsIn(reading, node, field.jsonName).flatMap((item) => one(item) ?? []);
  return one(node);
}

const duration = /^\d{1,9}(\.\d{1,9})?s$/;

function partOf(reading: Reading, field: DescField, node: Node | null): JsonValue | undefined {
  const name = field.jsonName;
  if (isAlias(node)) return void refuse(reading, node, `${name} has to be written out`);
  const { message } = field;
  if (message && message.typeName !== 'google.protobuf.Duration')
    return messageOf(reading, message, entriesIn(reading, node, name), name);
  const value: unknown = isScalar(node) ? node.value : undefined;
  if (field.scalar === ScalarType.BOOL) {
    return typeof value === 'boolean' ? value : void refuse(reading, node, `${name} has to be true or false`);
  }
  if (typeof value !== 'string')
    return void refuse(reading, node, `${name} has to be a text; one that looks otherwise in quotes`);
  if (message) return duration.test(value) ? value : void refuse(reading, node, `${name} has to be a time such as 10s`);
  if (field.enum) return choiceOf(reading, field.enum, node, value, name);
  const text = substituted(reading, node, value, name);
  return field.scalar === ScalarType.BYTES && text !== undefined ? Buffer.from(text).toString('base64') : text;
}

/** One of an enum by what its name has beyond the others', such as `email`. */
function choiceOf(reading: Reading, { values }: DescEnum, node: Node | null, text: string, name: string): string | undefined {
  const names = values.map((value) => value.name);
  const shared = sharedStart(names);
  const found = names.find((each) => each.slice(shared).toLowerCase() === text);
  if (found === undefined)
    refuse(reading, node, `${name} has to be one of ${names.map((each) => each.slice(shared).toLowerCase()).join(', ')}`);
  return found;
}

/** Characters with which all begin, up to an underscore. */
function sharedStart([first = '', ...others]: readonly string[]): number {
  let end = first.length;
  while (end > 0 && !(first[end - 1] === '_' && others.every((other) => other.startsWith(first.slice(0, end))))) end--;
  return end;
}

function substituted(reading: Reading, node: Node | null, text: string, name: string): string | undefined {
  const [, variable] = /^\$\{(\w+)\}$/.exec(text) ?? [];
  if (variable === undefined) return text;
  const value = reading.variables[variable];
  if (value !== undefined && value !== '') return value;
  refuse(reading, node, `${name} needs the variable ${variable}, which is not set`);
  return undefined;
}
