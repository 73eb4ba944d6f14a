import { and, arrayContains, eq, sql } from 'drizzle-orm';
import { ownerRole } from '../../kernel/auth/owners.ts';
import type { Db } from '../../kernel/db/driver.ts';
import {
  instanceMembers,
  instances,
  organizationDomains,
  organizations,
  personalAccessTokens,
  userEvents,
  users,
} from '../../kernel/db/schema.ts';

/** Any number that nothing else of ours locks on. */
const setupLock = 7_301_001;

/** One process at a time looks whether there is an instance; held until the transaction ends. */
export async function lockSetup(db: Db): Promise<void> {
  await db.execute(sql`select pg_advisory_xact_lock(${setupLock})`);
}

export async function findInstance(db: Db): Promise<typeof instances.$inferSelect | undefined> {
  const [row] = await db.select().from(instances);
  return row;
}

interface First {
  instance: { id: string; keyProof: Buffer };
  organization: { id: string; name: string; nameKey: string; primaryDomain: string };
  owner: { id: string; username: string; usernameKey: string; name: string };
  token: { id: string; hash: Buffer; expiresAt: Date };
  now: Date;
}

/** The rows that every installation begins with. */
export async function insertFirst(db: Db, { instance, organization, owner, token, now }: First): Promise<void> {
  const dated = { createdAt: now, changedAt: now };
  const first = { sequence: 1n, ...dated };
  await db.insert(organizations).values({ ...organization, state: 'active', ...first });
  await db.insert(instances).values({ ...instance, defaultOrganizationId: organization.id, ...first });
  await db.insert(organizationDomains).values({ domain: organization.primaryDomain, organizationId: organization.id });
  const place = { organizationId: organization.id, userId: owner.id };
  await db.insert(users).values({ ...owner, ...place, type: 'machine', state: 'active', ...first });
  await db
    .insert(userEvents)
    .values({ ...place, sequence: 1n, type: 'user.created', payload: {}, callerId: owner.id, createdAt: now });
  await db.insert(instanceMembers).values({ userId: owner.id, roles: [ownerRole], ...first });
  await db.insert(personalAccessTokens).values({ ...token, userId: owner.id, ...dated });
}

/** The machine that has owned the instance longest. */
export async function findFirstOwner(db: Db): Promise<string | undefined> {
  const [owner] = await db
    .select({ id: users.id })
    .from(instanceMembers)
    .innerJoin(users, eq(users.id, instanceMembers.userId))
    .where(and(arrayContains(instanceMembers.roles, [ownerRole]), eq(users.type, 'machine')))
    .orderBy(instanceMembers.createdAt)
    .limit(1);
  return owner?.id;
}
