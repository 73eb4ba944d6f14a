// Walks the texts and bytes that a request can hold, as its definition states them.
import { create, type DescField, type DescMessage, getOption, hasOption, type Message, ScalarType } from '@bufbuild/protobuf';
import { type Path, pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type FieldRules, field as fieldRules } from '../../gen/buf/validate/validate_pb.ts';

export interface Leaf {
  /** As a violation names it, such as `queries[0].email_query.email_address`. */
  field: string;
  bytes: boolean;
  rules: FieldRules | undefined;
  /** A request in which nothing but this is set. */
  requestWith(value: string | Uint8Array): Message;
}

/** Every place for a text or bytes; in a message that holds itself, no deeper than its second turn. */
export function leavesOf(request: DescMessage): Leaf[] {
  return [...walk(request, [], [])].map(({ fields, last }) => {
    return {
      field: pathToString([...fields, last].flatMap(stepsOf)),
      bytes: last.scalar === ScalarType.BYTES,
      rules: rulesOf(last),
      requestWith: (value) => build(request, fields, last, value),
    };
  });
}

const stepsOf = (field: DescField): Path[number][] =>
  field.fieldKind === 'list' ? [field, { kind: 'list_sub', index: 0 }] : [field];

interface Place {
  fields: DescField[];
  last: DescField;
}

function* walk(message: DescMessage, fields: DescField[], seen: DescMessage[]): Generator<Place> {
  if (seen.includes(message)) return;
  for (const field of message.fields) {
    if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) yield { fields, last: field };
    if (field.message && field.fieldKind !== 'map' && !field.message.typeName.startsWith('google.protobuf.'))
      yield* walk(field.message, [...fields, field], [...seen, message]);
  }
}

function rulesOf(field: DescField): FieldRules | undefined {
  if (!hasOption(field, fieldRules)) return undefined;
  const rules = getOption(field, fieldRules);
  return rules.type.case === 'repeated' ? rules.type.value.items : rules;
}

function build(type: DescMessage, [next, ...rest]: DescField[], last: DescField, value: string | Uint8Array): Message {
  const message = reflect(type, create(type));
  if (next?.message) put(message, next, reflect(next.message, build(next.message, rest, last, value)));
  else put(message, last, value);
  return message.message;
}

function put(message: ReflectMessage, field: DescField, value: ReflectMessage | string | Uint8Array): void {
  if (field.fieldKind === 'list') message.get(field).add(value);
  else message.set(field, value);
}
