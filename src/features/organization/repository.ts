import { and, asc, count, desc, eq, exists, inArray, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { violatedConstraint } from '../../kernel/db/failures.ts';
import { matchText, type TextMatch } from '../../kernel/db/matchText.ts';
import { instances, organizationDomains, organizations } from '../../kernel/db/schema.ts';
import { failure } from '../../kernel/errors.ts';
import type { Page } from '../../kernel/paging.ts';

export type OrganizationRow = typeof organizations.$inferSelect;

export type OrganizationFilter =
  | { field: 'id'; id: string }
  | { field: 'name' | 'domain'; match: TextMatch }
  /** Undefined: a state that no organization is in. */
  | { field: 'state'; state: OrganizationRow['state'] | undefined }
  /** The one that came with the instance. */
  | { field: 'default' };

export interface OrganizationSearch {
  filters: readonly OrganizationFilter[];
  sort: 'id' | 'name';
  page: Page;
}

export async function findOrganization(db: Db, id: string): Promise<OrganizationRow | undefined> {
  const [row] = await db.select().from(organizations).where(eq(organizations.id, id));
  return row;
}

/** ORGANIZATION_ID_TAKEN, ORGANIZATION_NAME_TAKEN. */
export async function insertOrganization(tx: Tx, row: OrganizationRow): Promise<void> {
  try {
    await tx.db.insert(organizations).values(row);
  } catch (error) {
    switch (violatedConstraint(error)) {
      case 'organizations_pkey':
        throw failure('ORGANIZATION_ID_TAKEN');
      case 'organizations_name_key':
        throw failure('ORGANIZATION_NAME_TAKEN');
    }
    throw error;
  }
}

/** Makes the domain the organization's primary one; false when another organization has it. */
export async function claimPrimaryDomain(tx: Tx, organizationId: string, domain: string): Promise<boolean> {
  const claimed = await tx.db.insert(organizationDomains).values({ domain, organizationId }).onConflictDoNothing().returning();
  if (claimed.length === 0) return false;
  await tx.db.update(organizations).set({ primaryDomain: domain }).where(eq(organizations.id, organizationId));
  return true;
}

/** A page of the organizations with one of these ids, and how many there are. */
export async function listRows(db: Db, visible: 'everywhere' | readonly string[], { filters, sort, page }: OrganizationSearch) {
  const seen = visible === 'everywhere' ? undefined : inArray(organizations.id, [...visible]);
  const wanted = and(seen, ...filters.map((filter) => condition(db, filter)));
  const direction = page.ascending ? asc : desc;
  const order = sort === 'name' ? [direction(organizations.nameKey)] : [];
  const [rows, [counted]] = await Promise.all([
    db
      .select()
      .from(organizations)
      .where(wanted)
      .orderBy(...order, direction(organizations.id))
      .offset(page.offset)
      .limit(page.limit),
    db.select({ total: count() }).from(organizations).where(wanted),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

function condition(db: Db, filter: OrganizationFilter): SQL {
  const { id, name, nameKey, state } = organizations;
  switch (filter.field) {
    case 'id':
      return eq(id, filter.id);
    case 'name':
      return matchText(name, nameKey, filter.match);
    case 'domain':
      return hasDomain(db, filter.match);
    case 'state':
      return filter.state ? eq(state, filter.state) : sql`false`;
    case 'default':
      return inArray(id, db.select({ id: instances.defaultOrganizationId }).from(instances));
  }
}

function hasDomain(db: Db, match: TextMatch): SQL {
  const { domain, organizationId } = organizationDomains;
  const matching = and(eq(organizationId, organizations.id), matchText(domain, domain, match));
  return exists(db.select({ domain }).from(organizationDomains).where(matching));
}
