// Owns: the metadata of a user: opaque bytes by key. Leaves it to nobody to understand them.
import { authorize } from '../../kernel/auth/authorize.ts';
import { canEverywhere } from '../../kernel/auth/caller.ts';
import { type Call, type Tx, transaction } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import type { Page } from '../../kernel/paging.ts';
import { record } from '../user/events.ts';
import { findUser, lockUser } from '../user/repository.ts';
import { deleteEntries, findEntries, type KeyFilter, type ListedEntry, listEntries, upsertEntries } from './repository.ts';

export interface MetadataEntry {
  key: string;
  value: Uint8Array;
}

/** What a new user's entries must hold: METADATA_KEY_BLANK, METADATA_VALUE_EMPTY. */
export function checkEntries(entries: readonly MetadataEntry[]): void {
  for (const [index, { key, value }] of entries.entries()) {
    if (key.trim() === '') throw invalidField('METADATA_KEY_BLANK', `metadata[${index}].key`);
    if (value.length === 0) throw invalidField('METADATA_VALUE_EMPTY', `metadata[${index}].value`, { key });
  }
}

/**
 * Sets entries; an empty value removes its key. The last of several entries with one key counts. Returns the time since
 * which the entries are as asked for.
 */
export async function writeEntries(tx: Tx, userId: string, entries: readonly MetadataEntry[]): Promise<Date> {
  const wanted = new Map(entries.map(({ key, value }) => [key, value]));
  const present = new Map((await findEntries(tx.db, userId, [...wanted.keys()])).map((entry) => [entry.key, entry]));
  const set = [...wanted].filter(([key, value]) => value.length > 0 && !present.get(key)?.value.equals(value));
  const removed = [...wanted].filter(([key, value]) => value.length === 0 && present.has(key)).map(([key]) => key);
  if (set.length > 0) {
    await upsertEntries(tx, userId, set);
    await record(tx, userId, { type: 'metadata.set', keys: set.map(([key]) => key) });
  }
  if (removed.length > 0) {
    await deleteEntries(tx, userId, removed);
    await record(tx, userId, { type: 'metadata.removed', keys: removed });
  }
  if (set.length > 0 || removed.length > 0) return tx.now;
  const dates = [...present.values()].map(({ changedAt }) => changedAt.getTime());
  return dates.length > 0 ? new Date(Math.max(...dates)) : tx.now;
}

export async function setUserMetadata(call: Call, userId: string, entries: readonly MetadataEntry[]): Promise<Date> {
  return transaction(call, async (tx) => {
    authorize(tx, await lockUser(tx, userId), { unknown: 'USER_UNKNOWN' });
    if (entries.length === 0) throw failure('METADATA_LIST_EMPTY');
    return writeEntries(tx, userId, entries);
  });
}

export interface MetadataList {
  entries: ListedEntry[];
  total: number;
}

export async function listUserMetadata(
  call: Call,
  userId: string,
  filters: readonly KeyFilter[],
  page: Page,
): Promise<MetadataList> {
  const user = await findUser(call.db, userId);
  if (!user && canEverywhere(call.caller, 'user.read')) return { entries: [], total: 0 };
  authorize(call, user);
  return listEntries(call.db, userId, filters, page);
}

export async function deleteUserMetadata(call: Call, userId: string, keys: readonly string[]): Promise<Date> {
  return transaction(call, async (tx) => {
    const user = await lockUser(tx, userId);
    if (keys.length === 0) throw failure('METADATA_LIST_EMPTY');
    authorize(tx, user, { unknown: 'USER_UNKNOWN' });
    const unique = [...new Set(keys)];
    const present = new Set((await findEntries(tx.db, userId, unique)).map(({ key }) => key));
    const missing = unique.find((key) => !present.has(key));
    if (missing !== undefined) throw failure('METADATA_NOT_FOUND', { metadata: { key: missing } });
    await deleteEntries(tx, userId, unique);
    const { changedAt } = await record(tx, userId, { type: 'metadata.removed', keys: unique });
    return changedAt;
  });
}
