// Messages as JSON Schema (2020-12, as OpenAPI 3.1 has it), with those of their rules that it knows.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  ScalarType,
} from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { type FieldRules, field as fieldRules, oneof as oneofRules } from '../../gen/buf/validate/validate_pb.ts';
import { commentOf } from './comments.ts';

/** All messages and enums that something refers to, each described once. */
export class Schemas {
  readonly #known = new Map<string, JsonObject>();

  all(): JsonObject {
    return Object.fromEntries([...this.#known].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  of(message: DescMessage): JsonObject {
    return wellKnown(message) ?? this.#reference(message, () => this.#object(message, message.fields));
  }

  /** What of a request stands in the body; undefined where the path says it all. */
  body(message: DescMessage, elsewhere: readonly DescField[]): { schema: JsonObject; isNeeded: boolean } | undefined {
    const fields = message.fields.filter((field) => !elsewhere.includes(field));
    if (fields.length === 0) return undefined;
    const schema = elsewhere.length === 0 ? this.of(message) : this.#object(message, fields);
    return { schema, isNeeded: fields.some(isRequired) || message.oneofs.some(isChoiceNeeded) };
  }

  /** The description belongs to who refers to it. */
  ofField(field: DescField): JsonObject {
    const rules = rulesOf(field);
    switch (field.fieldKind) {
      case 'list': {
        const { minItems, maxItems, items } = rules?.type.case === 'repeated' ? rules.type.value : {};
        return {
          type: 'array',
          items: this.#element(field, items),
          ...(minItems && { minItems: Number(minItems) }),
          ...(maxItems && { maxItems: Number(maxItems) }),
        };
      }
      case 'map':
        return { type: 'object', additionalProperties: this.#element(field, undefined) };
      case 'scalar':
      case 'enum':
      case 'message':
        return this.#element(field, rules);
    }
  }

  /** google.rpc.Status, which no definition here holds. */
  status(): JsonObject {
    return this.#reference({ typeName: 'google.rpc.Status' }, () => ({
      type: 'object',
      description: 'Why a call failed.',
      required: ['code', 'message', 'details'],
      properties: {
        code: { type: 'integer', description: "gRPC's number." },
        message: { type: 'string', description: 'A sentence, with the reason in parentheses at its end.' },
        details: {
          type: 'array',
          description: 'google.rpc.ErrorInfo has the reason, which stays; google.rpc.BadRequest every field that breaks a rule.',
          items: { type: 'object', required: ['@type'], properties: { '@type': { type: 'string' } } },
        },
      },
    }));
  }

  #reference({ typeName }: { typeName: string }, describe: () => JsonObject): JsonObject {
    if (!this.#known.has(typeName)) {
      // Messages stand inside themselves.
      this.#known.set(typeName, {});
      this.#known.set(typeName, describe());
    }
    return { $ref: `#/components/schemas/${typeName}` };
  }

  #object(message: DescMessage, fields: readonly DescField[]): JsonObject {
    const required = fields.filter(isRequired).map(({ jsonName }) => jsonName);
    const choices = message.oneofs.filter(isChoiceNeeded).map((oneof) => ({
      anyOf: oneof.fields.map(({ jsonName }) => ({ required: [jsonName] })),
    }));
    const description = commentOf(message);
    return {
      type: 'object',
      ...(description && { description }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.#described(field)])),
      ...(required.length > 0 && { required }),
      ...(choices.length > 0 && { allOf: choices }),
    };
  }

  #described(field: DescField): JsonObject {
    const others = field.oneof?.fields.filter((other) => other !== field).map(({ jsonName }) => `\`${jsonName}\``) ?? [];
    const excludes = others.length > 0 ? `Not together with ${others.join(', ')}.` : '';
    const description = [commentOf(field), excludes].filter((part) => part !== '').join('\n');
    const { deprecated } = field;
    return { ...this.ofField(field), ...(description && { description }), ...(deprecated && { deprecated }) };
  }

  #element({ message, enum: kind, scalar }: DescField, rules: FieldRules | undefined): JsonObject {
    if (message) return this.of(message);
    if (kind) return this.#reference(kind, () => enumSchema(kind));
    return { ...scalarSchema(scalar), ...limitsOf(rules) };
  }
}

/** Without it a request is refused. */
export function isRequired(field: DescField): boolean {
  const rules = rulesOf(field);
  if (rules?.required) return true;
  if (!rules || field.oneof || rules.ignore !== 0) return false;
  // Absent is empty.
  if (field.fieldKind === 'list') return rules.type.case === 'repeated' && rules.type.value.minItems > 0n;
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT || rules.type.case !== 'string') return false;
  return rules.type.value.minLen > 0n || rules.type.value.len > 0n;
}

const isChoiceNeeded = (oneof: DescMessage['oneofs'][number]): boolean =>
  hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;

const rulesOf = (field: DescField): FieldRules | undefined =>
  hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;

function limitsOf(rules: FieldRules | undefined): JsonObject {
  if (rules?.type.case === 'int32') return { minimum: rules.type.value.gte, maximum: rules.type.value.lte };
  if (rules?.type.case === 'bool') return { const: rules.type.value.const };
  if (rules?.type.case !== 'string') return {};
  const { minLen, maxLen, len, prefix, wellKnown: form } = rules.type.value;
  const [least, most] = len > 0n ? [len, len] : [minLen, maxLen];
  return {
    ...(least > 0n && { minLength: Number(least) }),
    ...(most > 0n && { maxLength: Number(most) }),
    ...(prefix && { pattern: `^${prefix.replace(/\W/g, '\\$&')}` }),
    ...(form.case === 'email' && { format: 'email' }),
    ...(form.case === 'uriRef' && { format: 'uri-reference' }),
  };
}

function enumSchema(kind: DescEnum): JsonObject {
  const told = kind.values.map((value) => [value.name, commentOf(value).replace(/\s+/g, ' ')]).filter(([, text]) => text);
  const list = told.map(([name, text]) => `* \`${name}\`: ${text}`).join('\n');
  const description = [commentOf(kind), list].filter((part) => part !== '').join('\n\n');
  return { type: 'string', enum: kind.values.map(({ name }) => name), ...(description && { description }) };
}

function scalarSchema(scalar: ScalarType | undefined): JsonObject {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return { type: 'integer', format: 'int32' };
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return { type: 'string', format: 'int64' };
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return { type: 'number' };
    default:
      return { type: 'string' };
  }
}

/** Those that have a form of their own in JSON. */
function wellKnown({ typeName }: DescMessage): JsonObject | undefined {
  switch (typeName) {
    case 'google.protobuf.Timestamp':
      return { type: 'string', format: 'date-time' };
    case 'google.protobuf.Duration':
      return { type: 'string', pattern: '^-?\\d+(\\.\\d+)?s$' };
    case 'google.protobuf.Struct':
      return { type: 'object' };
    default:
      if (typeName.startsWith('google.protobuf.')) throw new Error(`say here what ${typeName} is in JSON`);
      return undefined;
  }
}
