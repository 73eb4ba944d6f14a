import { and, asc, type Column, eq, gt, type SQL, sql } from 'drizzle-orm';
import type { Call, UserRow } from '../../kernel/call.ts';
import { transact } from '../../kernel/db/client.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { providerLinks, totps, userMetadata, userPasswords, users } from '../../kernel/db/schema.ts';

/** All users, those of an organization, or one. */
export type Selection = { of: 'instance' } | { of: 'organization' | 'user'; id: string };

/** What hangs on users, beside their rows. */
export interface Belongings {
  metadata: (typeof userMetadata.$inferSelect)[];
  passwords: (typeof userPasswords.$inferSelect)[];
  totps: (typeof totps.$inferSelect)[];
  links: (typeof providerLinks.$inferSelect)[];
}

/** Runs reads that all see the data as they were at one moment. */
export const inSnapshot = <T>({ db }: Pick<Call, 'db'>, read: (db: Db) => Promise<T>): Promise<T> =>
  transact(db, read, 'isolation level repeatable read, read only');

/** The next users behind an id, in the order of ids. */
export function nextUsers(db: Db, selection: Selection, behind: string, limit: number): Promise<UserRow[]> {
  return db
    .select()
    .from(users)
    .where(and(selected(selection), gt(users.id, behind)))
    .orderBy(asc(users.id))
    .limit(limit);
}

function selected(selection: Selection): SQL | undefined {
  switch (selection.of) {
    case 'instance':
      return undefined;
    case 'organization':
      return eq(users.organizationId, selection.id);
    case 'user':
      return eq(users.id, selection.id);
  }
}

export async function findBelongings(
  db: Db,
  ids: readonly string[],
  wanted: { metadata: boolean; secrets: boolean },
): Promise<Belongings> {
  const isOneOf = (column: Column) => sql`${column} = any(${sql.param([...ids])}::text[])`;
  const { userId, key } = userMetadata;
  const { providerId, externalKey } = providerLinks;
  const [metadata, passwords, secrets, links] = await Promise.all([
    wanted.metadata ? db.select().from(userMetadata).where(isOneOf(userId)).orderBy(asc(userId), asc(key)) : [],
    wanted.secrets ? db.select().from(userPasswords).where(isOneOf(userPasswords.userId)) : [],
    wanted.secrets
      ? db
          .select()
          .from(totps)
          .where(and(isOneOf(totps.userId), eq(totps.ready, true)))
      : [],
    db
      .select()
      .from(providerLinks)
      .where(isOneOf(providerLinks.userId))
      .orderBy(asc(providerLinks.userId), asc(providerId), asc(externalKey)),
  ]);
  return { metadata, passwords, totps: secrets, links };
}
