import { eq } from 'drizzle-orm';
import type { Call, Tx } from '../../kernel/call.ts';
import { userPasswords } from '../../kernel/db/schema.ts';

export async function findHash({ db }: Pick<Call, 'db'>, userId: string): Promise<string | undefined> {
  const [row] = await db.select({ hash: userPasswords.hash }).from(userPasswords).where(eq(userPasswords.userId, userId));
  return row?.hash;
}

export async function writeHash(tx: Tx, userId: string, hash: string): Promise<void> {
  await tx.db.insert(userPasswords).values({ userId, hash }).onConflictDoUpdate({ target: userPasswords.userId, set: { hash } });
}
