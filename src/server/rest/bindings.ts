import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { http } from '../../../gen/google/api/annotations_pb.ts';
import type { HttpRule } from '../../../gen/google/api/http_pb.ts';
import { AdminService } from '../../../gen/zitadel/admin/v1/admin_pb.ts';
import { ManagementService } from '../../../gen/zitadel/management/v1/management_pb.ts';
import { OrganizationService } from '../../../gen/zitadel/org/v2/org_service_pb.ts';
import { SessionService } from '../../../gen/zitadel/session/v2/session_service_pb.ts';
import { UserService as OlderUserService } from '../../../gen/zitadel/user/v2beta/user_service_pb.ts';
import { parseTemplate, type Template, type Variable } from './template.ts';

/** A way to call a method by HTTP's own means (google/api/http.proto). */
export interface Binding {
  method: DescMethod;
  /** Of HTTP, in upper case. */
  verb: string;
  /** The template with what stands in front of the service's paths. */
  path: string;
  template: Template;
  variables: readonly BoundVariable[];
  /** Where the body goes: nowhere, into the whole request, into one of its fields. */
  body: 'none' | 'whole' | DescField;
  /** Of an answer that is no error. */
  status: number;
}

export interface BoundVariable extends Variable {
  /** The fields by name, from the request down. */
  fields: readonly DescField[];
}

/** What stands in front of the paths of services whose definitions do not say it. */
const prefixes: ReadonlyMap<string, string> = new Map([
  [ManagementService.typeName, '/management/v1'],
  [AdminService.typeName, '/admin/v1'],
]);

/** The few that answer 201, as clients of the original expect. */
const creating: ReadonlySet<string> = new Set(
  [SessionService.method.createSession, OrganizationService.method.addOrganization, OlderUserService.method.addHumanUser].map(
    nameOf,
  ),
);

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

/** All bindings of a method, the first one first. Throws on a rule that names what is not there. */
export function bindingsOf(method: DescMethod): Binding[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].map((one) => bindingOf(method, one));
}

function bindingOf(method: DescMethod, rule: HttpRule): Binding {
  const { verb, pattern } = patternOf(rule);
  const path = `${prefixes.get(method.parent.typeName) ?? ''}${pattern}`;
  const template = parseTemplate(path);
  const variables = template.variables.map((variable) => ({ ...variable, fields: fieldsAt(method.input, variable.path) }));
  const status = creating.has(nameOf(method)) ? 201 : 200;
  return { method, verb, path, template, variables, body: bodyOf(method.input, rule.body), status };
}

function patternOf({ pattern }: HttpRule): { verb: string; pattern: string } {
  switch (pattern.case) {
    case 'get':
    case 'put':
    case 'post':
    case 'delete':
    case 'patch':
      return { verb: pattern.case.toUpperCase(), pattern: pattern.value };
    case 'custom':
      return { verb: pattern.value.kind, pattern: pattern.value.path };
    case undefined:
      throw new Error('a rule of HTTP without a path');
  }
}

function bodyOf(input: DescMessage, name: string): Binding['body'] {
  if (name === '') return 'none';
  return name === '*' ? 'whole' : fieldOf(input, name);
}

/** The fields that a path names. All but the last hold a message, and none holds several. */
function fieldsAt(input: DescMessage, path: readonly string[]): DescField[] {
  let message: DescMessage | undefined = input;
  return path.map((name, index) => {
    if (!message) throw new Error(`${path.join('.')} is no field of ${input.typeName}`);
    const field = fieldOf(message, name);
    const last = index === path.length - 1;
    if (last ? field.fieldKind !== 'scalar' && field.fieldKind !== 'enum' : field.fieldKind !== 'message') {
      throw new Error(`${field} cannot stand in a path`);
    }
    message = field.message;
    return field;
  });
}

function fieldOf(message: DescMessage, name: string): DescField {
  const field = message.fields.find((one) => one.name === name);
  if (!field) throw new Error(`${message.typeName} has no field ${name}`);
  return field;
}
