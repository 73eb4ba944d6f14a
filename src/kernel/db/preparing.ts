import { type SQL, sql } from 'drizzle-orm';
import type { Sql } from 'postgres';

/** Texts that a process prepares: more than its own statements are, few enough for Postgres to remember on each connection. */
const maximumPrepared = 300;
/** Characters. A longer text is a search of some odd shape, which hardly comes twice. */
const maximumLength = 4_000;

/**
 * What a statement begins with that is not prepared: after five times Postgres would keep one plan for all values, which
 * for a pattern among the users of one organization is wrong for most.
 */
export const plannedAnew: SQL = sql`/* planned anew */`;
const isPlannedAnew = (text: string): boolean => text.startsWith('/* planned anew */');

export type Unsafe = Sql['unsafe'];

/**
 * Prepares the statements that Drizzle sends unnamed, so that Postgres parses and describes each of them once per
 * connection. The texts are counted: callers can make searches of ever new shapes, and what is beyond the bound is sent
 * unprepared.
 */
export function preparing(): (unsafe: Unsafe) => Unsafe {
  const known = new Set<string>();
  const isPrepared = (text: string): boolean => {
    if (known.has(text)) return true;
    if (known.size === maximumPrepared || text.length > maximumLength || isPlannedAnew(text)) return false;
    known.add(text);
    return true;
  };
  return (unsafe) => (text, parameters, options) =>
    unsafe(text, parameters, { ...options, prepare: options?.prepare || isPrepared(text) });
}
