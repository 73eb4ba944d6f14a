import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/** Looks up the files that define these services, further files, and all that they import. */
export function describe(services: readonly DescService[], further: readonly DescFile[]) {
  const roots = [...services.map(({ file }) => file), ...further];
  const files = new Map(roots.flatMap((file) => withImports(file)).map((file) => [file.proto.name, file]));
  const bySymbol = new Map<string, DescFile>();
  const byExtension = new Map<string, Map<number, DescFile>>();
  for (const file of files.values()) {
    for (const name of symbolsOf(file.proto)) bySymbol.set(name, file);
    for (const type of nestedTypes(file)) {
      if (type.kind !== 'extension') continue;
      const numbers = byExtension.get(type.extendee.typeName) ?? new Map<number, DescFile>();
      byExtension.set(type.extendee.typeName, numbers.set(type.number, file));
    }
  }

  return {
    file: (name: string) => files.get(name),
    fileOfSymbol: (name: string) => bySymbol.get(name),
    fileOfExtension: (typeName: string, number: number) => byExtension.get(typeName)?.get(number),
    /** In ascending order; undefined when there is no such type. */
    extensionNumbers: (typeName: string) =>
      bySymbol.has(typeName) ? [...(byExtension.get(typeName)?.keys() ?? [])].sort((a, b) => a - b) : undefined,
    serviceNames: [...new Set(services.map(({ typeName }) => typeName))].sort(),
  };
}

/** A file and all it imports, each once and after what it imports itself. */
function withImports(file: DescFile, seen = new Set<DescFile>()): DescFile[] {
  for (const dependency of file.dependencies) if (!seen.has(dependency)) withImports(dependency, seen);
  return [...seen.add(file)];
}

/**
 * A file and all it imports as wire bytes, importers before their imports: the file asked for comes first, as from
 * grpc-go and grpc-java, which is what older clients take for the answer.
 */
export const encodeWithImports = (file: DescFile): Uint8Array[] =>
  withImports(file)
    .reverse()
    .map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));

/** The full name of everything in a file that has one. */
function* symbolsOf(file: FileDescriptorProto): Iterable<string> {
  yield* symbolsIn(file.package, file.messageType, file.enumType, file.extension);
  for (const service of file.service) {
    const name = join(file.package, service.name);
    yield name;
    for (const method of service.method) yield join(name, method.name);
  }
}

function* symbolsIn(
  scope: string,
  messages: readonly DescriptorProto[],
  enums: readonly EnumDescriptorProto[],
  extensions: readonly FieldDescriptorProto[],
): Iterable<string> {
  for (const extension of extensions) yield join(scope, extension.name);
  for (const { name, value } of enums) {
    yield join(scope, name);
    // The values of an enum are its siblings in protobuf's name space, not its children.
    for (const { name } of value) yield join(scope, name);
  }
  for (const { name: ownName, field, oneofDecl, nestedType, enumType, extension } of messages) {
    const name = join(scope, ownName);
    yield name;
    for (const member of [...field, ...oneofDecl]) yield join(name, member.name);
    yield* symbolsIn(name, nestedType, enumType, extension);
  }
}

const join = (scope: string, name: string) => (scope === '' ? name : `${scope}.${name}`);
