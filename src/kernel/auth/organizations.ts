import { eq } from 'drizzle-orm';
import type { Db } from '../db/driver.ts';
import { organizationDomains, organizations } from '../db/schema.ts';
import { textKey } from '../names.ts';

/** How a request names an organization. */
export type NamedOrganization = { by: 'id'; id: string } | { by: 'domain'; domain: string };

export async function organizationExists(db: Db, id: string): Promise<boolean> {
  const rows = await db.select({ id: organizations.id }).from(organizations).where(eq(organizations.id, id));
  return rows.length > 0;
}

/** The organization that a verified domain belongs to. */
export async function organizationOfDomain(db: Db, domain: string): Promise<string | undefined> {
  if (domain.includes('\0')) return undefined;
  const [row] = await db
    .select({ id: organizationDomains.organizationId })
    .from(organizationDomains)
    .where(eq(organizationDomains.domain, textKey(domain.trim())));
  return row?.id;
}
