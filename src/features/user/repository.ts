import { eq, sql } from 'drizzle-orm';
import type { Tx, UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { users } from '../../kernel/db/schema.ts';

/** Loads a user and locks its row, so that writes to one user happen one after another. */
export async function lockUser(tx: Tx, id: string): Promise<UserRow | undefined> {
  const [row] = await lockedUserOf(tx.db).execute({ id });
  return row;
}

const lockedUserOf = prepared((db) =>
  db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .for('update')
    .prepare('lock_user'),
);

/** Loads a user without a lock. */
export async function findUser(db: Db, id: string): Promise<UserRow | undefined> {
  const [row] = await userOf(db).execute({ id });
  return row;
}

const userOf = prepared((db) =>
  db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('find_user'),
);

/** The user of a username, given in its compared form. */
export async function findUserByName(db: Db, usernameKey: string): Promise<UserRow | undefined> {
  const [row] = await userNamed(db).execute({ usernameKey });
  return row;
}

const userNamed = prepared((db) =>
  db
    .select()
    .from(users)
    .where(eq(users.usernameKey, sql.placeholder('usernameKey')))
    .prepare('find_user_by_name'),
);
