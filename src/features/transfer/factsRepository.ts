import { and, type Column, eq, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import {
  deletedUsers,
  identityProviders,
  organizationDomains,
  organizations,
  providerLinks,
  users,
} from '../../kernel/db/schema.ts';
import { domainOf, textKey } from '../../kernel/names.ts';
import type { Account } from '../idp/links.ts';
import type { NewUser } from '../lifecycle/create.ts';

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
  /** By their ids. */
  providers: Map<string, KnownProvider>;
  /** Those at providers that are linked with users: `accountKey`. */
  accounts: Set<string>;
}

export type KnownProvider = Pick<typeof identityProviders.$inferSelect, 'organizationId' | 'state'>;

/** What an account at a provider is known by: any letter case is the same one. */
export const accountKey = ({ providerId, externalId }: Pick<Account, 'providerId' | 'externalId'>): string =>
  JSON.stringify([providerId, textKey(externalId)]);

/** An address within an organization. */
export const placed = (organizationId: string, emailKey: string): string => JSON.stringify([organizationId, emailKey]);

interface Wanted {
  id: string;
  organizationId: string;
  username: string;
  usernameKey: string;
  user: Pick<NewUser, 'details'>;
}

/** All that is to be known for these. `kept`, their organizations and former owners stay until the transaction ends. */
export async function findFacts(tx: Tx, wanted: readonly Wanted[], kept: boolean): Promise<Facts> {
  const { db } = tx;
  const ids = wanted.map(({ id }) => id);
  const keys = wanted.map(({ usernameKey }) => usernameKey);
  const places = [...new Set(wanted.map(({ organizationId }) => organizationId))];
  const names = [...new Set(wanted.flatMap(({ username }) => domainOf(username) ?? []))];
  const { id, organizationId, usernameKey, emailKey, emailVerified } = users;
  const existing = db.select({ id: organizations.id }).from(organizations).where(isOneOf(organizations.id, places));
  const former = db.select().from(deletedUsers).where(isOneOf(deletedUsers.id, ids));
  const accounts = wanted.flatMap(({ user: { details } }) => (details.type === 'human' ? details.links : []));
  const [present, dead, claims, alive, named, verified, links] = await Promise.all([
    kept ? existing.for('key share') : existing,
    kept ? former.for('update') : former,
    db.select().from(organizationDomains).where(isOneOf(organizationDomains.domain, names)),
    db.select({ id, organizationId }).from(users).where(isOneOf(id, ids)),
    db.select({ usernameKey }).from(users).where(isOneOf(usernameKey, keys)),
    db
      .select({ organizationId, emailKey })
      .from(users)
      .where(and(isOneOf(emailKey, keys), eq(emailVerified, true))),
    findLinks(tx, accounts, kept),
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
    ...links,
  };
}

async function findLinks(
  { db }: Tx,
  accounts: readonly Account[],
  kept: boolean,
): Promise<Pick<Facts, 'providers' | 'accounts'>> {
  if (accounts.length === 0) return { providers: new Map(), accounts: new Set() };
  const ids = [...new Set(accounts.map(({ providerId }) => providerId))];
  const keys = accounts.map(({ externalId }) => textKey(externalId));
  const { id, organizationId, state } = identityProviders;
  const { providerId, externalId, externalKey } = providerLinks;
  const usable = db.select({ id, organizationId, state }).from(identityProviders).where(isOneOf(id, ids));
  const [providers, links] = await Promise.all([
    kept ? usable.for('key share') : usable,
    db
      .select({ providerId, externalId })
      .from(providerLinks)
      .where(and(isOneOf(providerId, ids), isOneOf(externalKey, keys))),
  ]);
  return { providers: new Map(providers.map((provider) => [provider.id, provider])), accounts: new Set(links.map(accountKey)) };
}

/** The texts go as one parameter: a statement has room for 65535. */
const isOneOf = (column: Column, texts: readonly string[]): SQL => sql`${column} = any(${sql.param([...texts])}::text[])`;
