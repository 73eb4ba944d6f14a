import { and, eq, sql } from 'drizzle-orm';
import type { Call, Tx } from '../../kernel/call.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { userPasswords } from '../../kernel/db/schema.ts';

export async function findHash({ db }: Pick<Call, 'db'>, userId: string): Promise<string | undefined> {
  const [row] = await hashOf(db).execute({ userId });
  return row?.hash;
}

const hashOf = prepared((db) =>
  db
    .select({ hash: userPasswords.hash })
    .from(userPasswords)
    .where(eq(userPasswords.userId, sql.placeholder('userId')))
    .prepare('find_hash'),
);

export async function writeHash(tx: Tx, userId: string, hash: string): Promise<void> {
  await tx.db.insert(userPasswords).values({ userId, hash }).onConflictDoUpdate({ target: userPasswords.userId, set: { hash } });
}

/** Puts a hash in the place of another; false when that one is no longer there. */
export async function replaceHash(tx: Tx, userId: string, old: string, hash: string): Promise<boolean> {
  const replaced = await tx.db
    .update(userPasswords)
    .set({ hash })
    .where(and(eq(userPasswords.userId, userId), eq(userPasswords.hash, old)))
    .returning({ userId: userPasswords.userId });
  return replaced.length > 0;
}
