// The file of `idp apply`: what the requests say that add providers, by the same names.
import { type DescMessage, fromJson, type JsonObject, type Message, type MessageShape } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import { isScalar, type Node } from 'yaml';
import {
  AddGenericOAuthProviderRequestSchema,
  AddGenericOIDCProviderRequestSchema,
  AddGitHubProviderRequestSchema,
  AddGoogleProviderRequestSchema,
  AddJWTProviderRequestSchema,
  AddLDAPProviderRequestSchema,
  AddSAMLProviderRequestSchema,
} from '../../../gen/zitadel/management/v1/management_pb.ts';
import { toldBy } from '../../kernel/errors.ts';
import { checkConfig } from './config.ts';
import { toGitHub, toGoogle, toJwt, toLdap, toOauth, toOidc, toSaml } from './convert.ts';
import type { ProviderRow } from './repository.ts';
import { sentMetadata } from './saml.ts';
import type { ProviderInput } from './service.ts';
import { type Entry, entriesIn, itemsIn, type Mistake, messageOf, openYaml, type Reading, type Variables } from './yamlFields.ts';

/** A provider as a file wants it. */
export interface WantedProvider extends ProviderInput {
  state: ProviderRow['state'];
  line: number;
  /** Of SAML: where its metadata are to be fetched; empty: they are in the file. */
  metadataUrl: string;
  /** The field of its secret, for types that cannot do without. */
  secretField: string | undefined;
}

interface Kind {
  schema: DescMessage;
  secretField: string | undefined;
  read(json: JsonObject): { input: ProviderInput; metadataUrl: string; violations: readonly Violation[] };
}

const validator = createValidator();

function kindOf<T extends Message>(
  schema: GenMessage<T>,
  secretField: string | undefined,
  toInput: (message: MessageShape<GenMessage<T>>) => ProviderInput,
  metadataUrlOf: (message: MessageShape<GenMessage<T>>) => string = () => '',
): Kind {
  return {
    schema,
    secretField,
    read: (json) => {
      const message = fromJson(schema, json);
      const { violations = [] } = validator.validate(schema, message);
      return { input: toInput(message), metadataUrl: metadataUrlOf(message), violations };
    },
  };
}

const kinds: Readonly<Record<ProviderRow['type'], Kind>> = {
  oidc: kindOf(AddGenericOIDCProviderRequestSchema, 'clientSecret', toOidc),
  oauth: kindOf(AddGenericOAuthProviderRequestSchema, 'clientSecret', toOauth),
  google: kindOf(AddGoogleProviderRequestSchema, 'clientSecret', toGoogle),
  github: kindOf(AddGitHubProviderRequestSchema, 'clientSecret', toGitHub),
  jwt: kindOf(AddJWTProviderRequestSchema, undefined, toJwt),
  ldap: kindOf(AddLDAPProviderRequestSchema, 'bindPassword', toLdap),
  saml: kindOf(
    AddSAMLProviderRequestSchema,
    undefined,
    (request) => toSaml(request, request.metadata.case === 'metadataXml' ? sentMetadata(request.metadata.value) : ''),
    ({ metadata }) => (metadata.case === 'metadataUrl' ? metadata.value : ''),
  ),
};

/** What the file wants, or all that is wrong in it. */
export function readProviders(text: string, variables: Variables): { providers: WantedProvider[]; mistakes: Mistake[] } {
  const reading = openYaml(text, variables);
  const { mistakes } = reading;
  if (mistakes.length > 0) return { providers: [], mistakes };
  const entries = entriesIn(reading, reading.root, 'the file');
  for (const { key, line } of entries)
    if (key !== 'providers') mistakes.push({ line, problem: `the file has "${key}", where there can be only providers` });
  const list = entries.find(({ key }) => key === 'providers');
  if (!list) mistakes.push({ line: 1, problem: 'the file has no providers' });
  const providers = list ? itemsIn(reading, list.value, 'providers').flatMap((node) => providerOf(reading, node) ?? []) : [];
  for (const [index, { name, config, line }] of providers.entries()) {
    const twice = providers.slice(0, index).some((other) => other.name === name && other.config.type === config.type);
    if (twice) mistakes.push({ line, problem: `there is another ${config.type} called "${name}" above` });
  }
  return { providers, mistakes: mistakes.toSorted((a, b) => a.line - b.line) };
}

function providerOf(reading: Reading, node: Node | null): WantedProvider | undefined {
  const { mistakes } = reading;
  const line = reading.lineOf(node);
  const entries = entriesIn(reading, node, 'a provider');
  const known = mistakes.length;
  const type = choice(reading, entries, 'type', line, Object.keys(kinds).filter(isType), undefined);
  const state = choice(reading, entries, 'state', line, ['active', 'inactive'] as const, 'active');
  if (!type || !state) return undefined;
  const { schema, secretField, read } = kinds[type];
  const fields = entries.filter(({ key }) => key !== 'type' && key !== 'state');
  const json = messageOf(reading, schema, fields, `a provider of type ${type}`);
  if (mistakes.length > known) return undefined;
  const hasSecret = secretField !== undefined && secretField in json;
  // One that is left out stays as it is, which a request that adds cannot say.
  const { input, metadataUrl, violations } = read(
    secretField === undefined || hasSecret ? json : { ...json, [secretField]: 'x' },
  );
  const at = (field: string) => fields.find(({ key }) => key === field)?.line ?? line;
  for (const { field, message } of violations) {
    const [first] = field;
    const name = first?.kind === 'field' ? first.jsonName : '';
    const needed = first?.kind === 'oneof' ? first.fields.map(({ jsonName }) => jsonName).join(' or ') : undefined;
    const problem = needed === undefined ? `${name || 'the provider'} ${message}` : `${needed} is needed`;
    mistakes.push({ line: at(name), problem });
  }
  if (violations.length === 0) checkInput(input, schema, at, mistakes);
  return { ...input, secret: hasSecret || secretField === undefined ? input.secret : '', state, line, metadataUrl, secretField };
}

const isType = (name: string): name is ProviderRow['type'] => name in kinds;

function choice<C extends string>(
  { mistakes }: Reading,
  entries: readonly Entry[],
  name: string,
  line: number,
  choices: readonly C[],
  otherwise: C | undefined,
): C | undefined {
  const entry = entries.find(({ key }) => key === name);
  const given: unknown = isScalar(entry?.value) ? entry.value.value : undefined;
  const chosen = entry ? choices.find((each) => each === given) : otherwise;
  if (chosen === undefined)
    mistakes.push({ line: entry?.line ?? line, problem: `${name} has to be one of ${choices.join(', ')}` });
  return chosen;
}

/** What the calls refuse as well. */
function checkInput(
  { config }: ProviderInput,
  { fields }: DescMessage,
  at: (field: string) => number,
  mistakes: Mistake[],
): void {
  try {
    checkConfig(config);
  } catch (error) {
    const told = toldBy(error);
    if (!told) throw error;
    const path = told.field ?? '';
    const name = fields.find((field) => field.name === path.replace(/\[.*$/, ''))?.jsonName ?? path;
    mistakes.push({ line: at(name), problem: `${name}: ${told.message}` });
  }
}
