import { and, asc, count, desc, eq, inArray, or, type SQL } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { matchTime, type TimeMatch } from '../../kernel/db/matchTime.ts';
import { machineKeys, machineSecrets, personalAccessTokens, users } from '../../kernel/db/schema.ts';
import type { Page } from '../../kernel/paging.ts';

/** What a machine can have several of. */
const tables = { token: personalAccessTokens, key: machineKeys };
type Kind = keyof typeof tables;

/** A token or a key, without what is secret or long. */
export interface Credential {
  id: string;
  userId: string;
  organizationId: string;
  createdAt: Date;
  changedAt: Date;
  expiresAt: Date;
}

export interface CredentialList {
  rows: Credential[];
  total: number;
}

export type CredentialFilter =
  | { field: 'id' | 'userId' | 'organizationId'; id: string }
  | ({ field: 'createdAt' | 'expiresAt' } & TimeMatch);

export interface CredentialSearch {
  filters: readonly CredentialFilter[];
  sort: CredentialFilter['field'];
  page: Page;
}

/** Whose credentials a caller sees: his own, and those of users in these organizations. */
export interface Sight {
  userId: string;
  readable: 'everywhere' | readonly string[];
}

export async function insertToken(tx: Tx, row: typeof personalAccessTokens.$inferInsert): Promise<void> {
  await tx.db.insert(personalAccessTokens).values(row);
}

export async function insertKey(tx: Tx, row: typeof machineKeys.$inferInsert): Promise<void> {
  await tx.db.insert(machineKeys).values(row);
}

/** False when the user has no such credential. */
export async function deleteCredential(tx: Tx, kind: Kind, user: string, id: string): Promise<boolean> {
  const table = tables[kind];
  const rows = await tx.db
    .delete(table)
    .where(and(eq(table.id, id), eq(table.userId, user)))
    .returning({ id: table.id });
  return rows.length > 0;
}

/** The user has this secret from now on, and no other one: what was given for that one ends with it. */
export async function putSecret(tx: Tx, row: typeof machineSecrets.$inferInsert): Promise<void> {
  await deleteSecret(tx, row.userId);
  await tx.db.insert(machineSecrets).values(row);
}

/** False when the user has none. */
export async function deleteSecret(tx: Tx, userId: string): Promise<boolean> {
  const { userId: of } = machineSecrets;
  const rows = await tx.db.delete(machineSecrets).where(eq(of, userId)).returning({ of });
  return rows.length > 0;
}

/** A page of the credentials of a kind, and how many there are. */
export async function listCredentials(
  db: Db,
  kind: Kind,
  sight: Sight,
  { filters, sort, page }: CredentialSearch,
): Promise<CredentialList> {
  const table = tables[kind];
  const columns = columnsOf(kind);
  const wanted = and(visible(columns, sight), ...filters.map((filter) => condition(columns, filter)));
  const direction = page.ascending ? asc : desc;
  const isOwner = eq(users.id, table.userId);
  const [rows, [counted]] = await Promise.all([
    db
      .select({ ...columns, changedAt: table.changedAt })
      .from(table)
      .innerJoin(users, isOwner)
      .where(wanted)
      .orderBy(direction(columns[sort]), direction(columns.id))
      .offset(page.offset)
      .limit(page.limit),
    db.select({ total: count() }).from(table).innerJoin(users, isOwner).where(wanted),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

type Columns = ReturnType<typeof columnsOf>;

/** What a list may filter and sort by. */
function columnsOf(kind: Kind) {
  const { id, userId, createdAt, expiresAt } = tables[kind];
  return { id, userId, organizationId: users.organizationId, createdAt, expiresAt };
}

function visible({ userId, organizationId }: Columns, { userId: own, readable }: Sight): SQL | undefined {
  if (readable === 'everywhere') return undefined;
  return or(eq(userId, own), inArray(organizationId, [...readable]));
}

function condition(columns: Columns, filter: CredentialFilter): SQL {
  switch (filter.field) {
    case 'id':
    case 'userId':
    case 'organizationId':
      return eq(columns[filter.field], filter.id);
    case 'createdAt':
    case 'expiresAt':
      return matchTime(columns[filter.field], filter);
  }
}
