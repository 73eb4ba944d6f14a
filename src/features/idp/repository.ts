import { and, asc, count, desc, eq, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { matchText, type TextMatch } from '../../kernel/db/matchText.ts';
import { identityProviders } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';

export type ProviderRow = typeof identityProviders.$inferSelect;

/** Whose providers: the instance's, or one organization's. */
export type Owner = { on: 'instance' } | { on: 'organization'; id: string };

function owned(owner: Owner): SQL {
  switch (owner.on) {
    case 'instance':
      return isNull(identityProviders.organizationId);
    case 'organization':
      return eq(identityProviders.organizationId, owner.id);
  }
}

/** Those that people can sign in with there: an organization's have the instance's as well. */
const usable = (owner: Owner): SQL | undefined => or(owned(owner), owned({ on: 'instance' }));

export async function insertProvider(tx: Tx, row: ProviderRow): Promise<void> {
  await tx.db.insert(identityProviders).values(row);
}

/** Of that very owner, its row locked. */
export async function lockProvider(tx: Tx, owner: Owner, id: string): Promise<ProviderRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(identityProviders)
    .where(and(owned(owner), eq(identityProviders.id, id)))
    .for('update');
  return row;
}

export async function updateProvider(tx: Tx, id: string, columns: Partial<ProviderRow>): Promise<ProviderRow> {
  const [row] = await tx.db
    .update(identityProviders)
    .set({ ...columns, sequence: sql`${identityProviders.sequence} + 1`, changedAt: tx.now })
    .where(eq(identityProviders.id, id))
    .returning();
  if (!row) throw new Error(`provider ${id} is gone, though locked`);
  return row;
}

/** All of that very owner, in the order in which they came; nobody else does this to them until the transaction ends. */
export async function lockProviders(tx: Tx, owner: Owner): Promise<ProviderRow[]> {
  const name = `providers/${owner.on === 'organization' ? owner.id : ''}`;
  await tx.db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
  return tx.db.select().from(identityProviders).where(owned(owner)).orderBy(asc(identityProviders.id)).for('update');
}

export const findOwnProviders = (db: Db, owner: Owner): Promise<ProviderRow[]> =>
  db.select().from(identityProviders).where(owned(owner)).orderBy(asc(identityProviders.id));

/** With the links and intents of it. */
export async function deleteProvider(tx: Tx, id: string): Promise<ProviderRow> {
  const [row] = await tx.db.delete(identityProviders).where(eq(identityProviders.id, id)).returning();
  if (!row) throw new Error(`provider ${id} is gone, though locked`);
  return row;
}

/** One that can be used there. */
export async function findUsable(db: Db, owner: Owner, id: string): Promise<ProviderRow | undefined> {
  const [row] = await db
    .select()
    .from(identityProviders)
    .where(and(usable(owner), eq(identityProviders.id, id)));
  return row;
}

/** The same; it cannot be deleted before the transaction ends. */
export async function keepUsable(tx: Tx, owner: Owner, id: string): Promise<ProviderRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(identityProviders)
    .where(and(usable(owner), eq(identityProviders.id, id)))
    .for('key share');
  return row;
}

/** Whosever it is; it cannot be deleted, nor switched off, before the transaction ends. */
export async function keepProvider(tx: Tx, id: string): Promise<ProviderRow | undefined> {
  const [row] = await tx.db.select().from(identityProviders).where(eq(identityProviders.id, id)).for('share');
  return row;
}

/** Whosever it is. */
export async function findProvider(db: Db, id: string): Promise<ProviderRow | undefined> {
  const [row] = await db.select().from(identityProviders).where(eq(identityProviders.id, id));
  return row;
}

export type Filter = { on: 'id'; id: string } | { on: 'name'; match: TextMatch } | { on: 'owner'; of: Owner['on'] };

export interface ProviderSearch {
  /** All must hold. */
  filters: readonly Filter[];
  page: Page;
}

export async function findProviders(
  db: Db,
  owner: Owner,
  { filters, page: { offset, limit, ascending } }: ProviderSearch,
): Promise<{ rows: ProviderRow[]; total: number }> {
  const where = and(usable(owner), ...filters.map(holds));
  const order = ascending ? asc : desc;
  const [rows, [counted]] = await Promise.all([
    db.select().from(identityProviders).where(where).orderBy(order(identityProviders.id)).offset(offset).limit(limit),
    db.select({ total: count() }).from(identityProviders).where(where),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

function holds(filter: Filter): SQL {
  switch (filter.on) {
    case 'id':
      return eq(identityProviders.id, filter.id);
    case 'name':
      return matchText(identityProviders.name, identityProviders.nameKey, filter.match);
    case 'owner':
      return filter.of === 'instance'
        ? isNull(identityProviders.organizationId)
        : sql`${identityProviders.organizationId} is not null`;
  }
}
