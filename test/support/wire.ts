// Every fact of the wire that a client may rely on, a line each. `node test/support/wire.ts` writes them to test/wire.lock:
// run it after an addition. A line that changes or goes is a client that breaks.
import { writeFileSync } from 'node:fs';
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  ScalarType,
  toJsonString,
} from '@bufbuild/protobuf';
import { FieldRulesSchema, field as fieldRules, oneof as oneofRules } from '../../gen/buf/validate/validate_pb.ts';
import { http } from '../../gen/google/api/annotations_pb.ts';
import { HttpRuleSchema } from '../../gen/google/api/http_pb.ts';
import { file_zitadel_admin_v1_admin as admin } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import { file_zitadel_management_v1_management as management } from '../../gen/zitadel/management/v1/management_pb.ts';
import { file_zitadel_org_v2_org_service as organization } from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { file_zitadel_session_v2_session_service as session } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { file_zitadel_user_v2_user_service as user } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { file_zitadel_user_v2beta_user_service as olderUser } from '../../gen/zitadel/user/v2beta/user_service_pb.ts';
import { file_zitadel_v1_error as error } from '../../gen/zitadel/v1/error_pb.ts';

export const lockFile = new URL('../wire.lock', import.meta.url);

export function wireFacts(): string[] {
  const files = new Set<DescFile>();
  for (const file of [admin, management, organization, session, user, olderUser, error]) collect(file, files);
  return [...files].flatMap(factsOfFile).sort();
}

function collect(file: DescFile, into: Set<DescFile>): void {
  if (!file.proto.package.startsWith('zitadel.') || into.has(file)) return;
  into.add(file);
  for (const imported of file.dependencies) collect(imported, into);
}

const factsOfFile = (file: DescFile): string[] => [
  ...file.services.flatMap(({ methods }) => methods.map(factOfMethod)),
  ...file.messages.flatMap(factsOfMessage),
  ...file.enums.flatMap(factsOfEnum),
];

function factOfMethod(method: DescMethod): string {
  const binding = hasOption(method, http) ? toJsonString(HttpRuleSchema, getOption(method, http)) : '-';
  const { input, output, methodKind } = method;
  return `rpc ${method.parent.typeName}/${method.name} ${methodKind} ${input.typeName} -> ${output.typeName} ${binding}`;
}

const factsOfMessage = (message: DescMessage): string[] => [
  ...message.fields.map(factOfField),
  ...message.oneofs.filter((one) => hasOption(one, oneofRules)).map((one) => `oneof ${message.typeName}.${one.name} required`),
  ...message.nestedMessages.filter((nested) => !nested.proto.options?.mapEntry).flatMap(factsOfMessage),
  ...message.nestedEnums.flatMap(factsOfEnum),
];

function factOfField(field: DescField): string {
  const rules = hasOption(field, fieldRules) ? toJsonString(FieldRulesSchema, getOption(field, fieldRules)) : '-';
  const place = field.oneof ? `oneof=${field.oneof.name}` : `presence=${field.presence}`;
  return `field ${field.parent.typeName}.${field.name} #${field.number} ${typeOf(field)} json=${field.jsonName} ${place} rules=${rules}`;
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case 'list':
      return `repeated ${elementOf(field.listKind, field)}`;
    case 'map':
      return `map<${ScalarType[field.mapKey]}, ${elementOf(field.mapKind, field)}>`;
    case 'scalar':
    case 'message':
    case 'enum':
      return elementOf(field.fieldKind, field);
  }
}

function elementOf(kind: 'scalar' | 'message' | 'enum', field: DescField): string {
  switch (kind) {
    case 'scalar':
      return field.scalar === undefined ? '' : (ScalarType[field.scalar] ?? '').toLowerCase();
    case 'message':
      return field.message?.typeName ?? '';
    case 'enum':
      return field.enum?.typeName ?? '';
  }
}

const factsOfEnum = (type: DescEnum): string[] =>
  type.values.map(({ name, number }) => `enum ${type.typeName}.${name} = ${number}`);

if (import.meta.main) writeFileSync(lockFile, `${wireFacts().join('\n')}\n`);
