import { and, type Column, eq, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import { deletedUsers, organizationDomains, organizations, users } from '../../kernel/db/schema.ts';
import { domainOf } from '../../kernel/names.ts';

interface Owner {
  deleted: boolean;
  organizationId: string;
  sequence: bigint;
}

/** What has to be known of those who are there, to admit others. */
export interface Facts {
  organizations: Set<string>;
  /** Whose the ids are, or were. */
  owners: Map<string, Owner>;
  /** The organizations that claimed the domains. */
  domains: Map<string, string>;
  usernameKeys: Set<string>;
  /** `placed` addresses. */
  verifiedEmails: Set<string>;
}

/** An address within an organization. */
export const placed = (organizationId: string, emailKey: string): string => JSON.stringify([organizationId, emailKey]);

interface Wanted {
  id: string;
  organizationId: string;
  username: string;
  usernameKey: string;
}

/** All that is to be known for these. `kept`, their organizations and former owners stay until the transaction ends. */
export async function findFacts({ db }: Tx, wanted: readonly Wanted[], kept: boolean): Promise<Facts> {
  const ids = wanted.map(({ id }) => id);
  const keys = wanted.map(({ usernameKey }) => usernameKey);
  const places = [...new Set(wanted.map(({ organizationId }) => organizationId))];
  const names = [...new Set(wanted.flatMap(({ username }) => domainOf(username) ?? []))];
  const { id, organizationId, usernameKey, emailKey, emailVerified } = users;
  const existing = db.select({ id: organizations.id }).from(organizations).where(isOneOf(organizations.id, places));
  const former = db.select().from(deletedUsers).where(isOneOf(deletedUsers.id, ids));
  const [present, dead, claims, alive, named, verified] = await Promise.all([
    kept ? existing.for('key share') : existing,
    kept ? former.for('update') : former,
    db.select().from(organizationDomains).where(isOneOf(organizationDomains.domain, names)),
    db.select({ id, organizationId }).from(users).where(isOneOf(id, ids)),
    db.select({ usernameKey }).from(users).where(isOneOf(usernameKey, keys)),
    db
      .select({ organizationId, emailKey })
      .from(users)
      .where(and(isOneOf(emailKey, keys), eq(emailVerified, true))),
  ]);
  return {
    organizations: new Set(present.map(({ id }) => id)),
    owners: new Map<string, Owner>([
      ...dead.map(({ id, organizationId, sequence }) => [id, { deleted: true, organizationId, sequence }] as const),
      ...alive.map(({ id, organizationId }) => [id, { deleted: false, organizationId, sequence: 0n }] as const),
    ]),
    domains: new Map(claims.map(({ domain, organizationId }) => [domain, organizationId])),
    usernameKeys: new Set(named.map(({ usernameKey }) => usernameKey)),
    verifiedEmails: new Set(verified.map(({ organizationId, emailKey }) => placed(organizationId, emailKey))),
  };
}

/** The texts go as one parameter: a statement has room for 65535. */
const isOneOf = (column: Column, texts: readonly string[]): SQL => sql`${column} = any(${sql.param([...texts])}::text[])`;
