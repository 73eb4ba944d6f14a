import { invalidField } from './errors.ts';

/** Entries of a list when the caller names no limit. */
export const defaultLimit = 100;
/** The most entries of one page. */
export const maximumLimit = 1000;

export interface Page {
  offset: number;
  limit: number;
  ascending: boolean;
}

interface PageRequest {
  offset: bigint;
  limit: number;
  asc: boolean;
}

/** The page that an old `query` or a new `pagination` asks for; LIMIT_TOO_LARGE above the maximum. */
export function pageOf(request: PageRequest | undefined, field: string): Page {
  const { offset = 0n, limit = 0, asc = false } = request ?? {};
  if (limit > maximumLimit) throw invalidField('LIMIT_TOO_LARGE', `${field}.limit`, { maximum: String(maximumLimit) });
  // No list is that long: beyond it every offset means the same, an empty page.
  const reach = offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset);
  return { offset: reach, limit: limit === 0 ? defaultLimit : limit, ascending: asc };
}
