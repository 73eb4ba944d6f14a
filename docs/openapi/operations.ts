import type { DescField, DescMessage, JsonObject } from '@bufbuild/protobuf';
import type { Access } from '../../src/kernel/auth/access.ts';
import { accessOf } from '../../src/server/access.ts';
import { organizationHeader } from '../../src/server/organization.ts';
import type { Binding } from '../../src/server/rest/bindings.ts';
import { successorOf } from '../../src/server/successors.ts';
import { whoMayCall } from '../whoMayCall.ts';
import { commentOf } from './comments.ts';
import { isRequired, type Schemas } from './schemas.ts';
import { servedAs } from './served.ts';

export function operationOf(binding: Binding, schemas: Schemas): JsonObject {
  const { method, variables, status } = binding;
  const access = accessOf(servedAs(method));
  if (!access) throw new Error(`${method} is not declared`);
  const text = commentOf(method);
  const [summary = ''] = /^.*?(?:[.:](?=\s)|$)/s.exec(text) ?? [];
  const inPath = variables.flatMap(({ fields }) => fields.slice(-1));
  const parameters = [
    ...inPath.map((field) => parameter('path', field.name, field, schemas)),
    ...(binding.body === 'none' ? [...queryOf(method.input, inPath, schemas)] : []),
    ...headersOf(access),
  ];
  const body = binding.body === 'whole' ? schemas.body(method.input, inPath) : undefined;
  return {
    operationId: `${method.parent.typeName}.${method.name}`,
    tags: [method.parent.typeName],
    summary: summary.replace(/\s+/g, ' ').replace(/[.:]$/, ''),
    description: `${text}\n\nWho may call: ${whoMayCall(access)}.`,
    ...((successorOf(servedAs(method)) || /\bDeprecated: /.test(text)) && { deprecated: true }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: body.isNeeded, content: { 'application/json': { schema: body.schema } } } }),
    responses: {
      [status]: { description: 'Done.', content: { 'application/json': { schema: schemas.of(method.output) } } },
      default: { $ref: '#/components/responses/Refused' },
    },
  };
}

const headersOf = ({ on }: Access): JsonObject[] =>
  on === 'organization'
    ? [
        {
          name: organizationHeader,
          in: 'header',
          description: "The organization that the call is about; the caller's own without it.",
          schema: { type: 'string' },
        },
      ]
    : [];

function parameter(place: 'path' | 'query', name: string, field: DescField, schemas: Schemas): JsonObject {
  const description = commentOf(field);
  const needed = place === 'path' || (isRequired(field) && !name.includes('.'));
  return { name, in: place, ...(needed && { required: true }), ...(description && { description }), schema: schemas.ofField(field) };
}

/** Fields of messages with dots; lists of messages, and messages inside themselves, have no form in a query. */
function* queryOf(
  message: DescMessage,
  without: readonly DescField[],
  schemas: Schemas,
  above: readonly DescField[] = [],
): Generator<JsonObject> {
  for (const field of message.fields) {
    if (without.includes(field) || above.some(({ parent }) => parent === field.message)) continue;
    const isPlain = field.message === undefined || field.message.typeName.startsWith('google.protobuf.');
    const name = [...above, field].map(({ jsonName }) => jsonName).join('.');
    if (isPlain) yield parameter('query', name, field, schemas);
    else if (field.fieldKind === 'message') yield* queryOf(field.message, without, schemas, [...above, field]);
  }
}
