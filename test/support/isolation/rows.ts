// The rows of lists: whose they are, and how many somebody sees.
import { type DescMethod, fromBinary, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { at, isObject, type Row, textOf } from './rules.ts';
import type { Answer } from './wire.ts';

/** An answer of the owner's as it is for somebody who sees some rows only: the others are neither there nor counted. */
export function onlySeen(method: DescMethod, answer: Answer, sees: (row: Row) => boolean): JsonObject {
  const all = decoded(method, answer);
  const list = method.output.fields.find((field) => field.fieldKind === 'list' && field.message);
  const totals = method.output.fields.find((field) => field.message?.fields.some(({ name }) => name === 'total_result'));
  if (!list || !totals) throw new Error(`${method.name} answers with no list that has a total`);
  const rows = objects(all[list.jsonName]);
  const [total] = objects([all[totals.jsonName] ?? null]);
  if (Number(total?.totalResult) !== rows.length) throw new Error(`${method.name} does not fit on one page`);
  const seen = rows.filter((row) => sees(rowOf(row)));
  return { ...all, [list.jsonName]: seen, [totals.jsonName]: { ...total, totalResult: String(seen.length) } };
}

function rowOf(row: JsonObject): Row {
  const [details] = objects([row.details ?? null]);
  // Whose a session is stands among its factors.
  const [user] = objects([at(row.factors, ['user']) ?? null]);
  const userId = textOf(row.userId) || textOf(user?.id);
  const organizationId = textOf(row.organizationId) || textOf(details?.resourceOwner) || textOf(user?.organizationId);
  return { id: textOf(row.id) || userId, userId, organizationId };
}

const objects = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((item): item is JsonObject => isObject(item)) : [];

export function decoded(method: DescMethod, { body }: Answer): JsonObject {
  const json = toJson(method.output, fromBinary(method.output, body), { alwaysEmitImplicit: true });
  const [object] = objects([json]);
  if (!object) throw new Error(`${method.name} answers with something else than an object`);
  return object;
}
