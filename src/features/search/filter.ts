import { type Column, type SQL, sql } from 'drizzle-orm';
import type { UserRow } from '../../kernel/call.ts';
import { matchText, type TextMatch } from '../../kernel/db/matchText.ts';
import { type instanceUserCounts, type userCounts, userMetadata, users } from '../../kernel/db/schema.ts';
import { textKey } from '../../kernel/names.ts';

/** A condition on an entry of a user's metadata. */
export type EntryFilter = { on: 'metadataKey'; match: TextMatch } | { on: 'metadataValue'; value: Uint8Array; equal: boolean };

/** A condition on a user. A field that a user does not have counts as empty, so each is either true or false. */
export type Filter =
  | { on: 'text'; field: keyof typeof texts; match: TextMatch }
  | { on: 'state'; state: UserRow['state'] }
  | { on: 'type'; type: UserRow['type'] }
  | { on: 'ids'; ids: readonly string[] }
  | { on: 'emails'; emails: readonly string[] }
  | { on: 'organizations'; ids: readonly string[] }
  | { on: 'nobody' }
  | EntryFilter
  | { on: 'and'; filters: readonly Filter[] }
  | { on: 'or'; filters: readonly Filter[] }
  | { on: 'not'; filter: Filter };

// Each text with its compared form. A phone number is stored in the one form that there is.
const texts = {
  username: [users.username, users.usernameKey],
  givenName: [users.givenName, users.givenNameKey],
  familyName: [users.familyName, users.familyNameKey],
  nickName: [users.nickName, users.nickNameKey],
  displayName: [users.displayName, users.displayNameKey],
  email: [users.email, users.emailKey],
  phone: [users.phone, users.phone],
} satisfies Record<string, [Column, Column]>;

/** The condition on a row of `users` that all filters hold. What is asked of metadata side by side is asked of one entry. */
export function allHold(filters: readonly Filter[]): SQL {
  const entry = filters.filter(isOnEntry);
  const conditions = filters.filter((filter) => !isOnEntry(filter)).map(conditionOf);
  if (entry.length > 0) conditions.push(hasEntry(entry));
  return conditions.length > 0 ? sql`(${sql.join(conditions, sql` and `)})` : sql`true`;
}

function conditionOf(filter: Filter): SQL {
  switch (filter.on) {
    case 'text': {
      const [column, key] = texts[filter.field];
      return matchText(column, key, filter.match);
    }
    case 'state':
      return sql`${users.state} = ${filter.state}`;
    case 'type':
      return sql`${users.type} = ${filter.type}`;
    case 'ids':
      return isOneOf(users.id, filter.ids);
    case 'emails':
      return isOneOf(users.emailKey, filter.emails.map(textKey));
    case 'organizations':
      return isOneOf(users.organizationId, filter.ids);
    case 'nobody':
      return sql`false`;
    case 'metadataKey':
    case 'metadataValue':
      return hasEntry([filter]);
    case 'and':
      return allHold(filter.filters);
    case 'or':
      return sql`(${sql.join(filter.filters.map(conditionOf), sql` or `)})`;
    case 'not':
      return sql`not (${conditionOf(filter.filter)})`;
  }
}

/** Trigrams begin there. */
const trigram = 3;

/** Whether only rows can tell who matches: trigrams find candidates, and letter case is in no index. */
export function looksAtRows(filter: Filter): boolean {
  if (filter.on === 'and' || filter.on === 'or') return filter.filters.some(looksAtRows);
  if (filter.on !== 'text' || filter.match.text.length < trigram) return false;
  const { kind, ignoreCase } = filter.match;
  return kind === 'contains' || kind === 'ends' || !ignoreCase;
}

/** Whether one plan is not good for all values: how many match a pattern differs, and so do organizations in size. */
export const needsOwnPlan = (filters: readonly Filter[]): boolean => filters.length > 1 && filters.some(hasPattern);

function hasPattern(filter: Filter): boolean {
  if (filter.on === 'and' || filter.on === 'or') return filter.filters.some(hasPattern);
  if (filter.on === 'not') return hasPattern(filter.filter);
  return filter.on === 'text' && filter.match.kind !== 'equals';
}

/** The same condition on the kept counts of users, which know organization, type and state alone. */
export function onCounts(filter: Filter, counts: typeof userCounts | typeof instanceUserCounts): SQL | undefined {
  if (filter.on === 'organizations') return 'organizationId' in counts ? isOneOf(counts.organizationId, filter.ids) : undefined;
  if (filter.on === 'type') return sql`${counts.type} = ${filter.type}`;
  if (filter.on === 'state') return sql`${counts.state} = ${filter.state}`;
  return undefined;
}

const isOnEntry = (filter: Filter): filter is EntryFilter => filter.on === 'metadataKey' || filter.on === 'metadataValue';

function hasEntry(filters: readonly EntryFilter[]): SQL {
  const conditions = sql.join(filters.map(entryCondition), sql` and `);
  return sql`exists (select from ${userMetadata} where ${userMetadata.userId} = ${users.id} and ${conditions})`;
}

function entryCondition(filter: EntryFilter): SQL {
  if (filter.on === 'metadataKey') return matchText(userMetadata.key, userMetadata.keyKey, filter.match);
  const value = Buffer.from(filter.value);
  if (!filter.equal) return sql`${userMetadata.value} <> ${value}`;
  // The length is what lets Postgres take the index, which leaves out the values that are longer than any searched one.
  return sql`(${userMetadata.value} = ${value} and octet_length(${userMetadata.value}) <= 200)`;
}

/** One parameter, however long the list. A single value keeps the order of an index that begins with the column. */
function isOneOf(column: Column, values: readonly string[]): SQL {
  return values.length === 1 ? sql`${column} = ${values[0]}` : sql`${column} = any(${sql.param(values)})`;
}
