import { eq } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import { userPasswords } from '../../kernel/db/schema.ts';

export async function findHash(tx: Tx, userId: string): Promise<string | undefined> {
  const [row] = await tx.db.select({ hash: userPasswords.hash }).from(userPasswords).where(eq(userPasswords.userId, userId));
  return row?.hash;
}

export async function writeHash(tx: Tx, userId: string, hash: string): Promise<void> {
  await tx.db.insert(userPasswords).values({ userId, hash }).onConflictDoUpdate({ target: userPasswords.userId, set: { hash } });
}
