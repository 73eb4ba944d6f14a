import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../call.ts';
import { keyedHash } from '../crypto/keys.ts';
import { codes } from '../db/schema.ts';
import { forgiveTries } from '../guessing.ts';
import { lettersDigits, randomText, upperDigits } from './random.ts';

export type Purpose = (typeof codes.$inferInsert)['purpose'];

const hour = 60 * 60 * 1000;

/** Characters and lifetime by purpose. */
export const codeShapes: Record<Purpose, { alphabet: string; length: number; lifetimeMs: number }> = {
  email: { alphabet: upperDigits, length: 6, lifetimeMs: hour },
  phone: { alphabet: upperDigits, length: 6, lifetimeMs: hour },
  password: { alphabet: upperDigits, length: 6, lifetimeMs: hour },
  invite: { alphabet: upperDigits, length: 6, lifetimeMs: 72 * hour },
  passkey: { alphabet: lettersDigits, length: 12, lifetimeMs: hour },
  init: { alphabet: upperDigits, length: 6, lifetimeMs: 72 * hour },
};

/** Wrong tries after which a code is dead. */
export const maximumFailures = 5;

// Bound to user and purpose: a code of another one never matches.
const hashOf = (tx: Tx, userId: string, purpose: Purpose, code: string) =>
  keyedHash(tx.keys.code, JSON.stringify([userId, purpose, code]));

/** What a code is checked as that was made with an id: one without the other is wrong. */
export const codeWithId = (id: string, code: string): string => `${id}:${code}`;

/** A code in plain, for sending or returning only. */
export interface Code {
  code: string;
  /** ISO 8601. */
  expiresAt: string;
}

/**
 * Makes the user's one live code for a purpose; an older one dies. Wrong tries of codes are forgiven: who guessed at an
 * older one cannot make its owner wait for this one, which dies by its own wrong tries. Not so at the user's own wish:
 * whoever calls as him could guess without end. With an `id` it is checked as `codeWithId`.
 */
export async function createCode(tx: Tx, userId: string, purpose: Purpose, id?: string): Promise<Code> {
  const { alphabet, length, lifetimeMs } = codeShapes[purpose];
  const code = randomText(alphabet, length);
  const row = {
    hash: hashOf(tx, userId, purpose, id === undefined ? code : codeWithId(id, code)),
    failures: 0,
    expiresAt: new Date(tx.now.getTime() + lifetimeMs),
    createdAt: tx.now,
  };
  await tx.db
    .insert(codes)
    .values({ userId, purpose, ...row })
    .onConflictDoUpdate({ target: [codes.userId, codes.purpose], set: row });
  if (tx.caller.id !== userId) await forgiveTries(tx.db, userId, 'code');
  return { code, expiresAt: row.expiresAt.toISOString() };
}

export type CodeCheck = 'right' | 'wrong' | 'absent';

/**
 * Checks and consumes a code in one statement: right ones are gone, wrong ones have counted. "absent" is a code that
 * was never made, has expired or is dead. Never throws for a wrong code, so that the count can be committed.
 */
export const checkCode = (tx: Tx, userId: string, purpose: Purpose, code: string): Promise<CodeCheck> =>
  look(tx, userId, purpose, code, (matching) => sql`delete from ${codes} where ${matching} returning 'right' as outcome`);

/** As `checkCode`, but a right code stays: for what takes long to prepare and should not be prepared for a wrong one. */
export const tryCode = (tx: Tx, userId: string, purpose: Purpose, code: string): Promise<CodeCheck> =>
  look(tx, userId, purpose, code, (matching) => sql`select 'right' as outcome from ${codes} where ${matching}`);

async function look(tx: Tx, userId: string, purpose: Purpose, code: string, found: (matching: SQL) => SQL): Promise<CodeCheck> {
  const hash = hashOf(tx, userId, purpose, code);
  const live = sql`${codes.userId} = ${userId} and ${codes.purpose} = ${purpose}
    and ${codes.expiresAt} > ${tx.now.toISOString()}::timestamptz and ${codes.failures} < ${maximumFailures}`;
  const rows = await tx.db.execute<{ outcome: CodeCheck }>(sql`
    with found as (${found(sql`${live} and ${codes.hash} = ${hash}`)}),
    failed as (
      update ${codes} set failures = failures + 1 where ${live} and ${codes.hash} <> ${hash} returning 'wrong' as outcome)
    select outcome from found union all select outcome from failed`);
  return rows[0]?.outcome ?? 'absent';
}

/** Whether a code was made that nobody has used yet; one that expired or died counts. */
export async function isCodePending(tx: Tx, userId: string, purpose: Purpose): Promise<boolean> {
  const rows = await tx.db
    .select({ purpose: codes.purpose })
    .from(codes)
    .where(and(eq(codes.userId, userId), eq(codes.purpose, purpose)));
  return rows.length > 0;
}

export async function deleteCode(tx: Tx, userId: string, purpose: Purpose): Promise<void> {
  await tx.db.delete(codes).where(and(eq(codes.userId, userId), eq(codes.purpose, purpose)));
}

/** Makes codes useless that went to an address which is the user's no more; they still count as made (`isCodePending`). */
export async function killCodes(tx: Tx, userId: string, purposes: readonly Purpose[]): Promise<void> {
  await tx.db
    .update(codes)
    .set({ failures: maximumFailures })
    .where(and(eq(codes.userId, userId), inArray(codes.purpose, purposes)));
}
