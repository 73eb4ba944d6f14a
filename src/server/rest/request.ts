import { create, type DescField, type JsonObject, type JsonValue, type Message, mergeFromJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Binding } from './bindings.ts';
import { elementOf, fromQuery, objectAt } from './query.ts';
import { valueIn } from './template.ts';

/** What of a call stands in its address. */
export interface Address {
  binding: Binding;
  segments: readonly string[];
  /** Without the question mark. */
  query: string;
}

/** Fields that the definition does not know are passed over in a body, as Connect does. */
const lenient = { ignoreUnknownFields: true };

/**
 * The request of a call: what the body says, then the query, then the path, which is right whatever the others say. A body
 * that the rule has no place for is not looked at. Throws INVALID_ARGUMENT.
 */
export function requestOf({ binding, segments, query }: Address, body: Uint8Array): Message {
  const { method, variables, body: place } = binding;
  const { input } = method;
  const request = create(input);
  try {
    if (place !== 'none' && body.length > 0) {
      const json: JsonValue = JSON.parse(new TextDecoder().decode(body));
      mergeFromJson(input, request, place === 'whole' ? json : { [place.jsonName]: json }, lenient);
    }
    if (query !== '' && place !== 'whole') mergeFromJson(input, request, fromQuery(input, query, isElsewhere(binding)));
    const path: JsonObject = {};
    for (const variable of variables) {
      const [last, ...above] = [...variable.fields].reverse();
      if (!last) continue;
      const name = variable.path.join('.');
      objectAt(path, above.reverse())[last.jsonName] = elementOf(last, valueIn(variable, segments), name);
    }
    mergeFromJson(input, request, path);
  } catch (error) {
    throw ConnectError.from(error, Code.InvalidArgument);
  }
  return request;
}

/** Whether the path or the body has a field, or what it stands in. */
const isElsewhere =
  ({ variables, body }: Binding) =>
  (fields: readonly DescField[]): boolean =>
    fields[0] === body || variables.some((variable) => variable.fields.every((field, index) => field === fields[index]));
