// The description of REST in OpenAPI 3.1, made from the definitions with their comments.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  createFileRegistry,
  type DescService,
  type FileRegistry,
  fromBinary,
  type JsonObject,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { bindingsOf } from '../../src/server/rest/bindings.ts';
import { olderNames, services } from '../../src/server/routes.ts';
import { commentOf } from './comments.ts';
import { operationOf } from './operations.ts';
import { Schemas } from './schemas.ts';

const about = [
  'Every call of the services by HTTP and JSON. What a call does, and how it fails, is the same as over gRPC and Connect.',
  '',
  'JSON is that of protobuf: names in lowerCamelCase (those of the definitions are taken as well), numbers of 64 bits as text,',
  'bytes as base64, enums by name (numbers are taken as well). Fields that hold nothing are left out, and those that nobody knows',
  'are passed over.',
].join('\n');

/** Written to src/web/assets by `npm run generate`, as the comments are not there when the service runs. */
export function openApi(): JsonObject {
  const registry = withComments();
  const schemas = new Schemas();
  const described = [...services, ...olderNames].map((service) => within(registry, service));
  const paths: Record<string, JsonObject> = {};
  for (const service of described) {
    for (const method of service.methods) {
      for (const binding of bindingsOf(method)) {
        const operations = paths[binding.path] ?? {};
        operations[binding.verb.toLowerCase()] = operationOf(binding, schemas);
        paths[binding.path] = operations;
      }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Roster', version: versionOf(), description: about, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: described.map((service) => ({ name: service.typeName, description: commentOf(service) })),
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A personal access token of a machine, the token of a session, or one that OAuth gave.',
        },
      },
      responses: {
        Refused: {
          description: 'The call failed. The HTTP status follows from the code of gRPC.',
          content: { 'application/json': { schema: schemas.status() } },
        },
      },
      schemas: schemas.all(),
    },
  };
}

/** The definitions as buf reads them: those that are generated hold no comments. */
function withComments(): FileRegistry {
  const image = execFileSync('buf', ['build', '--output', '-'], { maxBuffer: 64 * 1024 * 1024 });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
}

function within(registry: FileRegistry, { typeName }: DescService): DescService {
  const service = registry.getService(typeName);
  if (!service) throw new Error(`buf does not build ${typeName}`);
  return service;
}

function versionOf(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
