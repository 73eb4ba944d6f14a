// The conformance suite's messages. They are read from its Go module as it was downloaded, so that nothing of it is copied.
import { execFileSync } from 'node:child_process';
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

export const packageName = 'connectrpc.conformance.v1';

/** @param folder The module's proto files. */
export const readProtos = (folder: string): FileRegistry =>
  createFileRegistry(fromBinary(FileDescriptorSetSchema, execFileSync('buf', ['build', folder, '-o', '-#format=binpb'])));

export function messageOf(registry: FileRegistry, name: string): DescMessage {
  const found = registry.getMessage(name);
  if (!found) throw new Error(`the suite has no message ${name}`);
  return found;
}

/** A message as JSON, whose shape the caller knows from the suite's protos. */
export const plain = (registry: FileRegistry, message: Message) =>
  JSON.stringify(toJson(messageOf(registry, message.$typeName), message, { registry }));

export const typed = (registry: FileRegistry, name: string, json: JsonObject): Message =>
  fromJson(messageOf(registry, `${packageName}.${name}`), json, { registry });

const prefixBytes = 4;

/** Messages on standard streams have their length in front of them. */
export async function readSized(input: AsyncIterable<Buffer>): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of input) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= prefixBytes && bytes.length >= prefixBytes + bytes.readUInt32BE()) break;
  }
  return bytes.subarray(prefixBytes);
}

export function sized(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length);
  return Buffer.concat([prefix, message]);
}
