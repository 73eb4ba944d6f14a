import { Column, getTableName, is, SQL } from 'drizzle-orm';
import type { SelectedFieldsOrdered } from 'drizzle-orm/pg-core';

type Field = SelectedFieldsOrdered[number]['field'];
type Row = Record<string, unknown>;
/** Names of tables, and whether every row has one of theirs. */
type Joins = Readonly<Record<string, boolean>>;

/** Where one value of a row goes: to the object of that index, or with -1 to the row itself. */
interface Place {
  object: number;
  name: string;
  decode: ((value: unknown) => unknown) | undefined;
  /** Whether its object is there because of it. */
  shows: boolean;
}

/**
 * Makes of a row's values the objects that Drizzle makes of them: what a table's columns are put into is null where a left
 * join has found no row of that table. Drizzle finds out for each value where it goes; this does so once.
 */
export function rowMapper(fields: SelectedFieldsOrdered, joins: Joins = {}): (values: readonly unknown[]) => Row {
  const names = [...new Set(fields.flatMap(({ path: [first = '', ...rest] }) => (rest.length > 0 ? [first] : [])))];
  const isThere = names.map((name) => !isOptional(fields, name, joins));
  const places = fields.map((field) => placeOf(field, names));
  return (values) => {
    const row: Row = {};
    const objects = names.map((): Row => ({}));
    const found = [...isThere];
    for (let index = 0; index < places.length; index++) {
      const place = places[index];
      if (!place) continue;
      const { object, name, decode, shows } = place;
      const value = values[index];
      (objects[object] ?? row)[name] = value === null || !decode ? value : decode(value);
      if (shows && value !== null) found[object] = true;
    }
    for (const [index, name] of names.entries()) row[name] = found[index] ? objects[index] : null;
    return row;
  };
}

function placeOf({ path, field }: SelectedFieldsOrdered[number], names: readonly string[]): Place {
  const [first = '', second] = path;
  if (path.length > 2) throw new Error(`no row has a place for ${path.join('.')}`);
  const decode = decoderOf(field);
  if (second === undefined) return { object: -1, name: first, decode, shows: false };
  return { object: names.indexOf(first), name: second, decode, shows: is(field, Column) };
}

/** Whether the columns put into an object are all of one table, which may have no row. */
function isOptional(fields: SelectedFieldsOrdered, name: string, joins: Joins): boolean {
  const tables = new Set<string>();
  for (const { path, field } of fields) {
    if (path.length === 2 && path[0] === name && is(field, Column)) tables.add(getTableName(field.table));
  }
  const [table = '', ...others] = tables;
  return table !== '' && others.length === 0 && !joins[table];
}

/** Undefined where a value is taken as it comes. */
function decoderOf(field: Field): Place['decode'] {
  if (is(field, Column)) {
    if (field.mapFromDriverValue === Column.prototype.mapFromDriverValue) return undefined;
    return (value) => field.mapFromDriverValue(value);
  }
  // Not among Drizzle's public types: what `mapWith` has set.
  const decoder: unknown = Reflect.get(is(field, SQL.Aliased) ? field.sql : field, 'decoder');
  if (!isDecoder(decoder)) throw new Error('a selected expression has no decoder');
  return (value) => decoder.mapFromDriverValue(value);
}

const isDecoder = (value: unknown): value is { mapFromDriverValue(value: unknown): unknown } =>
  typeof value === 'object' && value !== null && 'mapFromDriverValue' in value;
