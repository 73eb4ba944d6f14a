import { type Column, type SQL, sql } from 'drizzle-orm';
import { textKey } from '../names.ts';

/** How a search compares a text; `ignoreCase` compares the forms that `textKey` makes. */
export interface TextMatch {
  kind: 'equals' | 'starts' | 'contains' | 'ends';
  ignoreCase: boolean;
  text: string;
}

/**
 * The condition of a match. It always asks the compared form first, since that is what the indexes hold; a match by
 * letter case asks the text itself as well.
 */
export function matchText(column: Column, keyColumn: Column, { kind, ignoreCase, text }: TextMatch): SQL {
  if (ignoreCase) return compare(keyColumn, kind, textKey(text));
  if (kind === 'equals') return sql`(${keyColumn} = ${textKey(text)} and ${column} = ${text})`;
  return sql`(${keyColumn} like ${around(kind, loosePattern(text))} and ${compare(column, kind, text)})`;
}

function compare(column: Column, kind: TextMatch['kind'], text: string): SQL {
  return kind === 'equals' ? sql`${column} = ${text}` : sql`${column} like ${around(kind, escapeLike(text))}`;
}

function around(kind: Exclude<TextMatch['kind'], 'equals'>, pattern: string): string {
  switch (kind) {
    case 'starts':
      return `${pattern}%`;
    case 'contains':
      return `%${pattern}%`;
    case 'ends':
      return `%${pattern}`;
  }
}

/** `%`, `_` and `\` are ordinary characters of a search. */
const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');

/**
 * A pattern for the compared form that no text escapes which holds the searched one. Decomposing may move combining
 * marks, so anything may stand where the searched text has some.
 */
const loosePattern = (text: string) => escapeLike(textKey(text)).replace(/\p{M}+/gu, '%');
