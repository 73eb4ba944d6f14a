import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { avatars } from '../../kernel/db/schema.ts';

/** Puts a picture in the place of the one that is there. */
export async function saveAvatar(tx: Tx, userId: string, key: string, image: Buffer): Promise<void> {
  await tx.db.insert(avatars).values({ userId, key, image }).onConflictDoUpdate({ target: avatars.userId, set: { key, image } });
}

export async function deleteAvatar(tx: Tx, userId: string): Promise<void> {
  await tx.db.delete(avatars).where(eq(avatars.userId, userId));
}

export async function findImage(db: Db, key: string): Promise<Buffer | undefined> {
  const [row] = await imageOf(db).execute({ key });
  return row?.image;
}

const imageOf = prepared((db) =>
  db
    .select({ image: avatars.image })
    .from(avatars)
    .where(eq(avatars.key, sql.placeholder('key')))
    .prepare('find_avatar'),
);
