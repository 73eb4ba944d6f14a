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
export function matchText(column: Column, keyColumn: Column, match: TextMatch): SQL {
  const { kind, ignoreCase, text } = match;
  if (kind === 'equals') {
    return ignoreCase ? sql`${keyColumn} = ${textKey(text)}` : sql`(${keyColumn} = ${textKey(text)} and ${column} = ${text})`;
  }
  const pieces = kind === 'starts' ? [] : piecesOf(textKey(text));
  if (pieces.length < 2) {
    if (ignoreCase) return compare(keyColumn, kind, textKey(text));
    return sql`(${keyColumn} like ${around(kind, loosePattern(text))} and ${compare(column, kind, text)})`;
  }
  // An expression is in no index: it is asked of those only whom the pieces find.
  const exact = ignoreCase ? compare(sql`(${keyColumn} || '')`, kind, textKey(text)) : compare(column, kind, text);
  return sql`(${keyColumn} like ${`%${pieces.join('%')}%`} and ${exact})`;
}

/**
 * The words of a text, cut into pieces of three to five letters. Who holds the text holds them in this order, and their
 * trigrams are a third to a half of the text's: the time that Postgres needs for an index of trigrams is the number of those
 * it looks for times the users that hold the rarest.
 */
function piecesOf(key: string): string[] {
  const words = key.match(/[a-z0-9]{3,}/g) ?? [];
  return words.flatMap((word) => word.match(/.{3}(?=.{3})|.+/g) ?? []);
}

type Part = Exclude<TextMatch['kind'], 'equals'>;

const compare = (text: Column | SQL, kind: Part, searched: string): SQL =>
  sql`${text} like ${around(kind, escapeLike(searched))}`;

function around(kind: Part, pattern: string): string {
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
