import { and, type Column, eq, type SQL, sql } from 'drizzle-orm';
import { boolean, pgTable, text } from 'drizzle-orm/pg-core';
import type { Tx } from '../../kernel/call.ts';
import { insertMany } from '../../kernel/db/insertMany.ts';
import { deletedUsers, organizationDomains, organizations } from '../../kernel/db/schema.ts';
import { domainOf } from '../../kernel/names.ts';

/** Who counts as being there: the users alone, or also those that a rehearsal admitted and did not write. */
export type Population = 'real' | 'rehearsed';

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

/** What of a user others must not take. */
const taken = (table: string) =>
  pgTable(table, {
    id: text('id').notNull(),
    organizationId: text('organization_id').notNull(),
    usernameKey: text('username_key').notNull(),
    emailKey: text('email_key').notNull(),
    emailVerified: boolean('email_verified').notNull(),
  });

type Taken = ReturnType<typeof taken>;

const real = taken('users');
/** A temporary table, seen by one connection. */
const rehearsed = taken('rehearsed_users');

export type RehearsedUser = Taken['$inferSelect'];

/** Makes room for a rehearsal, until the transaction ends. */
export async function beginRehearsal({ db }: Tx): Promise<void> {
  await db.execute(sql`create temporary table ${rehearsed} on commit drop as
    select id, organization_id, username_key, email_key, email_verified from ${real} with no data`);
  await db.execute(sql`create index on pg_temp.rehearsed_users (id)`);
  await db.execute(sql`create index on pg_temp.rehearsed_users (username_key)`);
  await db.execute(sql`create index on pg_temp.rehearsed_users (email_key)`);
}

export const rehearse = ({ db }: Tx, admitted: readonly RehearsedUser[]): Promise<void> => insertMany(db, rehearsed, admitted);

interface Wanted {
  id: string;
  organizationId: string;
  username: string;
  usernameKey: string;
}

/** All that is to be known for these. Their organizations stay until the transaction ends, unless it is a rehearsal. */
export async function findFacts({ db }: Tx, wanted: readonly Wanted[], population: Population): Promise<Facts> {
  const ids = wanted.map(({ id }) => id);
  const keys = wanted.map(({ usernameKey }) => usernameKey);
  const places = [...new Set(wanted.map(({ organizationId }) => organizationId))];
  const names = [...new Set(wanted.flatMap(({ username }) => domainOf(username) ?? []))];
  const tables = population === 'real' ? [real] : [real, rehearsed];
  const existing = db.select({ id: organizations.id }).from(organizations).where(isOneOf(organizations.id, places));
  const former = db.select().from(deletedUsers).where(isOneOf(deletedUsers.id, ids));
  const [present, dead, claims, alive, named, verified] = await Promise.all([
    population === 'real' ? existing.for('key share') : existing,
    population === 'real' ? former.for('update') : former,
    db.select().from(organizationDomains).where(isOneOf(organizationDomains.domain, names)),
    inAll(tables, (table) => db.select().from(table).where(isOneOf(table.id, ids))),
    inAll(tables, (table) => db.select().from(table).where(isOneOf(table.usernameKey, keys))),
    inAll(tables, (table) =>
      db
        .select()
        .from(table)
        .where(and(isOneOf(table.emailKey, keys), eq(table.emailVerified, true))),
    ),
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

async function inAll<T>(tables: readonly Taken[], find: (table: Taken) => Promise<T[]>): Promise<T[]> {
  return (await Promise.all(tables.map(find))).flat();
}

/** The texts go as one parameter: a statement has room for 65535. */
const isOneOf = (column: Column, texts: readonly string[]): SQL => sql`${column} = any(${sql.param([...texts])}::text[])`;
