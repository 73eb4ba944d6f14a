import { and, asc, count, desc, eq, type SQL, sql } from 'drizzle-orm';
import type { Tx, UserRow } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { matchText, type TextMatch } from '../../kernel/db/matchText.ts';
import { instanceMembers, organizationMembers, users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';
import type { MemberScope } from '../user/events.ts';

export type Membership = typeof instanceMembers.$inferSelect;
export type ListedMember = Membership & { user: UserRow };

export type MemberFilter = { field: 'userId'; id: string } | { field: 'givenName' | 'familyName' | 'email'; match: TextMatch };

export interface MemberSearch {
  filters: readonly MemberFilter[];
  sort: 'userId' | 'createdAt' | 'changedAt' | 'organizationId';
  page: Page;
}

/** The table of a scope's members, and the condition that picks them from it. */
function place(scope: MemberScope) {
  switch (scope.on) {
    case 'instance':
      return { table: instanceMembers, here: undefined };
    case 'organization':
      return { table: organizationMembers, here: eq(organizationMembers.organizationId, scope.id) };
  }
}

export async function findMember(tx: Tx, scope: MemberScope, userId: string): Promise<Membership | undefined> {
  const { table, here } = place(scope);
  const { roles, sequence, createdAt, changedAt } = table;
  const [row] = await tx.db
    .select({ userId: table.userId, roles, sequence, createdAt, changedAt })
    .from(table)
    .where(and(here, eq(table.userId, userId)));
  return row;
}

export async function insertMember(tx: Tx, scope: MemberScope, member: Membership): Promise<void> {
  switch (scope.on) {
    case 'instance':
      await tx.db.insert(instanceMembers).values(member);
      return;
    case 'organization':
      await tx.db.insert(organizationMembers).values({ ...member, organizationId: scope.id });
  }
}

export async function updateRoles(tx: Tx, scope: MemberScope, { userId, roles, sequence, changedAt }: Membership): Promise<void> {
  const { table, here } = place(scope);
  await tx.db
    .update(table)
    .set({ roles, sequence, changedAt })
    .where(and(here, eq(table.userId, userId)));
}

export async function deleteMember(tx: Tx, scope: MemberScope, userId: string): Promise<void> {
  const { table, here } = place(scope);
  await tx.db.delete(table).where(and(here, eq(table.userId, userId)));
}

/** A page of the members of a scope, each with its user, and how many there are. */
export async function listRows(db: Db, scope: MemberScope, { filters, sort, page }: MemberSearch) {
  const { table, here } = place(scope);
  const { userId, roles, sequence, createdAt, changedAt } = table;
  const wanted = and(here, ...filters.map(condition));
  const direction = page.ascending ? asc : desc;
  const columns = { userId, createdAt, changedAt, organizationId: users.organizationId };
  const isUser = eq(users.id, userId);
  const [rows, [counted]] = await Promise.all([
    db
      .select({ userId, roles, sequence, createdAt, changedAt, user: users })
      .from(table)
      .innerJoin(users, isUser)
      .where(wanted)
      .orderBy(direction(columns[sort]), direction(userId))
      .offset(page.offset)
      .limit(page.limit),
    db.select({ total: count() }).from(table).innerJoin(users, isUser).where(wanted),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

/** A machine has neither first and last name nor e-mail: nothing compared with them is one. */
function condition(filter: MemberFilter): SQL {
  const ofHuman = (match: SQL) => sql`(${users.type} = 'human' and ${match})`;
  switch (filter.field) {
    case 'userId':
      return eq(users.id, filter.id);
    case 'givenName':
      return ofHuman(matchText(users.givenName, users.givenNameKey, filter.match));
    case 'familyName':
      return ofHuman(matchText(users.familyName, users.familyNameKey, filter.match));
    case 'email':
      return ofHuman(matchText(users.email, users.emailKey, filter.match));
  }
}
