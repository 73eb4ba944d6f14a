import { and, eq, sql } from 'drizzle-orm';
import type { Call, Tx, UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { userPasswords, users } from '../../kernel/db/schema.ts';

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

/** Somebody who signs in. */
export interface UserWithHash {
  user: UserRow;
  hash: string | undefined;
}

export async function findWithHash(db: Db, userId: string): Promise<UserWithHash | undefined> {
  return withHash(await userWithHash(db).execute({ userId }));
}

/** The user of a username, given in its compared form. */
export async function findByNameWithHash(db: Db, usernameKey: string): Promise<UserWithHash | undefined> {
  return withHash(await userNamedWithHash(db).execute({ usernameKey }));
}

const withHash = ([row]: { user: UserRow; hash: string | null }[]): UserWithHash | undefined =>
  row && { user: row.user, hash: row.hash ?? undefined };

const selectWithHash = (db: Db) =>
  db.select({ user: users, hash: userPasswords.hash }).from(users).leftJoin(userPasswords, eq(userPasswords.userId, users.id));

const userWithHash = prepared((db) =>
  selectWithHash(db)
    .where(eq(users.id, sql.placeholder('userId')))
    .prepare('find_user_with_hash'),
);

const userNamedWithHash = prepared((db) =>
  selectWithHash(db)
    .where(eq(users.usernameKey, sql.placeholder('usernameKey')))
    .prepare('find_user_by_name_with_hash'),
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
