// Whether a request is sound beyond doubt. The rules of a definition are held against each request by a library that
// evaluates expressions; what nearly every request breaks none of is looked at here in a tenth of that time.
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  type Message,
  type MessageShape,
  ScalarType,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import {
  BytesRulesSchema,
  EnumRulesSchema,
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  OneofRulesSchema,
  oneof as oneofRules,
  RepeatedRulesSchema,
  StringRulesSchema,
} from '../../gen/buf/validate/validate_pb.ts';

/** True: breaks no rule. False: may break one. */
type Check = (value: unknown) => boolean;

const unsure: Check = () => false;
const sound: Check = () => true;

/** By message, as they are needed: definitions may contain themselves. */
const checks = new WeakMap<DescMessage, Check>();

/** True only of a message that breaks no rule of its definition, and holds no text that Postgres cannot. */
export const isClearlySound = (schema: DescMessage, message: Message): boolean => checkOf(schema)(message);

function checkOf(schema: DescMessage): Check {
  const known = checks.get(schema);
  if (known) return known;
  checks.set(schema, (message) => checkOf(schema)(message));
  const check = schema.typeName === 'google.protobuf.Struct' ? unsure : all(membersOf(schema));
  checks.set(schema, check);
  return check;
}

const all =
  (parts: readonly Check[]): Check =>
  (value) => {
    for (const part of parts) if (!part(value)) return false;
    return true;
  };

const membersOf = ({ members }: DescMessage): Check[] =>
  members.map((member) => {
    const check = member.kind === 'oneof' ? oneofCheck(member) : fieldCheck(member);
    return (message) => check(memberOf(message, member.localName));
  });

const memberOf = (message: unknown, name: string): unknown =>
  typeof message === 'object' && message !== null ? Reflect.get(message, name) : undefined;

function oneofCheck(oneof: DescOneof): Check {
  const rules = getOption(oneof, oneofRules);
  if (!hasOnly(OneofRulesSchema, rules, ['required'])) return unsure;
  const cases = new Map<unknown, Check>(oneof.fields.map((field) => [field.localName, fieldCheck(field)]));
  return (chosen) => {
    const name = memberOf(chosen, 'case');
    if (name === undefined) return !rules.required;
    return cases.get(name)?.(memberOf(chosen, 'value')) ?? false;
  };
}

function fieldCheck(field: DescField): Check {
  const rules = getOption(field, fieldRules);
  // Whether an empty text or list counts as given is left to the library.
  if (rules.required && field.fieldKind !== 'message') return unsure;
  const check = ruledCheck(field, rules);
  return (value) => (value === undefined ? !rules.required : check(value));
}

function ruledCheck(field: DescField, rules: FieldRules): Check {
  if (!hasOnly(FieldRulesSchema, rules, ['required', 'string', 'bytes', 'enum', 'repeated'])) return unsure;
  switch (field.fieldKind) {
    case 'scalar':
      return scalarCheck(field.scalar, rules);
    case 'enum':
      return enumCheck(field.enum, rules);
    case 'message':
      return checkOf(field.message);
    case 'list':
      return listCheck(field, rules);
    case 'map':
      return mapCheck(field);
  }
}

function scalarCheck(scalar: ScalarType, { type }: FieldRules): Check {
  if (scalar === ScalarType.STRING) return textCheck(type.case === 'string' ? type.value : create(StringRulesSchema));
  if (scalar === ScalarType.BYTES) return bytesCheck(type.case === 'bytes' ? type.value : create(BytesRulesSchema));
  return type.case === undefined ? sound : unsure;
}

/** An e-mail address of the plainest kind. */
const plainAddress = /^[a-zA-Z0-9._+-]+@[a-zA-Z0-9]{1,63}(?:\.[a-zA-Z0-9]{1,63})+$/;

/** Lengths count characters, of which a text has at least half as many as units, and at most as many. */
function textCheck(rules: MessageShape<typeof StringRulesSchema>): Check {
  if (!hasOnly(StringRulesSchema, rules, ['minLen', 'maxLen', 'email'])) return unsure;
  const { minimum, maximum } = boundsOf(rules);
  const isAddress = rules.wellKnown.case === 'email';
  return (text) => {
    if (typeof text !== 'string' || text.length > maximum || text.length < (minimum > 1 ? 2 * minimum : minimum)) return false;
    if (isAddress && !plainAddress.test(text)) return false;
    return !text.includes('\0') && text.isWellFormed();
  };
}

function bytesCheck(rules: MessageShape<typeof BytesRulesSchema>): Check {
  if (!hasOnly(BytesRulesSchema, rules, ['minLen', 'maxLen'])) return unsure;
  const { minimum, maximum } = boundsOf(rules);
  return (bytes) => bytes instanceof Uint8Array && bytes.length >= minimum && bytes.length <= maximum;
}

/** Without a maximum the field has the number 0 there. */
const boundsOf = ({ minLen, maxLen }: { minLen: bigint; maxLen: bigint }) => ({
  minimum: Number(minLen),
  maximum: maxLen === 0n ? Number.POSITIVE_INFINITY : Number(maxLen),
});

function enumCheck({ values }: DescEnum, { type }: FieldRules): Check {
  if (type.case === undefined) return sound;
  if (type.case !== 'enum' || !hasOnly(EnumRulesSchema, type.value, ['definedOnly'])) return unsure;
  const numbers = new Set<unknown>(values.map(({ number }) => number));
  return (value) => numbers.has(value);
}

function listCheck(field: DescField & { fieldKind: 'list' }, { type }: FieldRules): Check {
  const rules = type.case === 'repeated' ? type.value : create(RepeatedRulesSchema);
  if (!hasOnly(RepeatedRulesSchema, rules, ['minItems', 'maxItems', 'items'])) return unsure;
  const item = itemCheck(field, rules.items ?? create(FieldRulesSchema));
  const maximum = rules.maxItems === 0n ? Number.POSITIVE_INFINITY : Number(rules.maxItems);
  return (list) => Array.isArray(list) && list.length >= rules.minItems && list.length <= maximum && list.every(item);
}

function itemCheck(field: DescField & { fieldKind: 'list' }, rules: FieldRules): Check {
  if (!hasOnly(FieldRulesSchema, rules, ['string', 'bytes', 'enum'])) return unsure;
  switch (field.listKind) {
    case 'scalar':
      return scalarCheck(field.scalar, rules);
    case 'enum':
      return enumCheck(field.enum, rules);
    case 'message':
      return checkOf(field.message);
  }
}

function mapCheck(field: DescField & { fieldKind: 'map' }): Check {
  const none = create(FieldRulesSchema);
  const key = scalarCheck(field.mapKey, none);
  const check =
    field.mapKind === 'scalar' ? scalarCheck(field.scalar, none) : field.mapKind === 'enum' ? sound : checkOf(field.message);
  return (map) =>
    typeof map === 'object' && map !== null && Object.entries(map).every(([name, value]) => key(name) && check(value));
}

/** Whether no rule but these is stated. */
function hasOnly<T extends DescMessage>(schema: T, rules: MessageShape<T>, names: readonly string[]): boolean {
  const stated = reflect(schema, rules);
  return stated.fields.every((field) => !stated.isSet(field) || names.includes(field.localName));
}
