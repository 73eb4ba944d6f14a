// Walks the texts and bytes that a request can hold, as its definition states them.
import { create, type DescField, type DescMessage, getOption, hasOption, type Message, ScalarType } from '@bufbuild/protobuf';
import { type Path, pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type FieldRules, field as fieldRules } from '../../gen/buf/validate/validate_pb.ts';

export interface Leaf {
  /** As a violation names it, such as `queries[0].email_query.email_address`. */
  field: string;
  bytes: boolean;
  /** It is the key of an entry; `field` is then the map. */
  isKey: boolean;
  rules: FieldRules | undefined;
  /** A request in which nothing but this is set. */
  requestWith(value: string | Uint8Array): Message;
}

/** Every place for a text or bytes; in a message that holds itself, no deeper than its second turn. */
export function leavesOf(request: DescMessage): Leaf[] {
  return [...walk(request, [], [])].map((place) => {
    const { fields, last, isKey } = place;
    return {
      field: pathToString([...fields.flatMap(stepsOf), ...(isKey ? [last] : stepsOf(last))]),
      bytes: last.scalar === ScalarType.BYTES && !isKey,
      isKey,
      rules: isKey ? undefined : rulesOf(last),
      requestWith: (value) => build(request, place, value),
    };
  });
}

function stepsOf(field: DescField): Path[number][] {
  if (field.fieldKind === 'list') return [field, { kind: 'list_sub', index: 0 }];
  return field.fieldKind === 'map' ? [field, { kind: 'map_sub', key }] : [field];
}

/** Of the one entry in a map. */
const key = 'key';

interface Place {
  fields: DescField[];
  last: DescField;
  isKey: boolean;
}

function* walk(message: DescMessage, fields: DescField[], seen: DescMessage[]): Generator<Place> {
  if (seen.includes(message)) return;
  for (const field of message.fields) {
    if (field.fieldKind === 'map' && field.mapKey === ScalarType.STRING) yield { fields, last: field, isKey: true };
    if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) yield { fields, last: field, isKey: false };
    if (field.message && !field.message.typeName.startsWith('google.protobuf.'))
      yield* walk(field.message, [...fields, field], [...seen, message]);
  }
}

function rulesOf(field: DescField): FieldRules | undefined {
  if (!hasOption(field, fieldRules)) return undefined;
  const rules = getOption(field, fieldRules);
  return rules.type.case === 'repeated' ? rules.type.value.items : rules;
}

function build(type: DescMessage, { fields: [next, ...fields], last, isKey }: Place, value: string | Uint8Array): Message {
  const message = reflect(type, create(type));
  if (next?.message) put(message, next, reflect(next.message, build(next.message, { fields, last, isKey }, value)));
  else if (isKey && typeof value === 'string') put(message, last, emptyOf(last), value);
  else put(message, last, value);
  return message.message;
}

const emptyOf = ({ message, scalar }: DescField): Value =>
  message ? reflect(message, create(message)) : scalar === ScalarType.BYTES ? new Uint8Array() : '';

type Value = ReflectMessage | string | Uint8Array;

function put(message: ReflectMessage, field: DescField, value: Value, at = key): void {
  if (field.fieldKind === 'list') message.get(field).add(value);
  else if (field.fieldKind === 'map') message.get(field).set(at, value);
  else message.set(field, value);
}
