import { eq, inArray, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { insertMany, rowWriter } from '../../kernel/db/insertMany.ts';
import {
  deletedUsers,
  imports,
  instances,
  providerLinks,
  totps,
  userEvents,
  userMetadata,
  userPasswords,
  users,
} from '../../kernel/db/schema.ts';

export type Progress = typeof imports.$inferSelect;

export async function findProgress(db: Db, file: Buffer): Promise<Progress | undefined> {
  const [progress] = await db.select().from(imports).where(eq(imports.file, file));
  return progress;
}

/** False when another process moved the import of this file meanwhile. */
export async function moveProgress(tx: Tx, { lines }: Progress, next: Progress): Promise<boolean> {
  const { file, ...moved } = next;
  const rows = await tx.db
    .insert(imports)
    .values(next)
    .onConflictDoUpdate({ target: imports.file, set: moved, setWhere: eq(imports.lines, lines) })
    .returning({ file: imports.file });
  return rows.length > 0;
}

/** The file counts as never imported; whoever came from it stays. */
export async function forgetProgress(tx: Tx, file: Buffer): Promise<void> {
  await tx.db.delete(imports).where(eq(imports.file, file));
}

/** The organization that came with the instance; undefined before its first start. */
export async function findFirstOrganization(db: Db): Promise<string | undefined> {
  const [instance] = await db.select({ id: instances.defaultOrganizationId }).from(instances);
  return instance?.id;
}

/** As `lockId` does it for one; in one order, so that two who lock several do not wait for each other. */
export async function lockIds(tx: Tx, ids: readonly string[]): Promise<void> {
  const ordered = [...new Set(ids)].sort();
  await tx.db.execute(sql`
    select pg_advisory_xact_lock(hashtextextended(id, 0)) from unnest(${sql.param(ordered)}::text[]) as id`);
}

export const written = {
  user: rowWriter(users),
  metadata: rowWriter(userMetadata),
  password: rowWriter(userPasswords),
  totp: rowWriter(totps),
  link: rowWriter(providerLinks),
  event: rowWriter(userEvents),
};

/** Written rows of a new user. */
export type NewRows = Record<keyof typeof written, string[]>;

/** `revived` are ids of deleted users that are in use again. */
export async function insertRows({ db }: Tx, rows: readonly NewRows[], revived: readonly string[]): Promise<void> {
  if (revived.length > 0) await db.delete(deletedUsers).where(inArray(deletedUsers.id, revived));
  const all = (kind: keyof NewRows) => rows.flatMap((each) => each[kind]);
  // One connection runs them in this order: each is sent while the one before it runs.
  await Promise.all([
    insertMany(db, users, all('user')),
    insertMany(db, userMetadata, all('metadata')),
    insertMany(db, userPasswords, all('password')),
    insertMany(db, totps, all('totp')),
    insertMany(db, providerLinks, all('link')),
    insertMany(db, userEvents, all('event')),
  ]);
}
