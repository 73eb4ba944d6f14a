import { and, eq, gt, or, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import {
  accessTokens,
  machineKeys,
  machineSecrets,
  organizations,
  personalAccessTokens,
  usedAssertions,
  users,
} from '../../kernel/db/schema.ts';

/** A machine that may act, as far as signing in needs it. */
const machineColumns = { userId: users.id, organizationId: users.organizationId, accessTokenType: users.accessTokenType };

export type Machine = Pick<typeof users.$inferSelect, 'organizationId' | 'accessTokenType'> & { userId: string };

const mayAct = and(eq(users.type, 'machine'), eq(users.state, 'active'), eq(organizations.state, 'active'));

/** Who may be meant by a client id: one machine by its id, another one by its username. */
export async function findSecrets(db: Db, id: string, usernameKey: string): Promise<(Machine & { hash: Buffer })[]> {
  return db
    .select({ ...machineColumns, hash: machineSecrets.hash })
    .from(users)
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .innerJoin(machineSecrets, eq(machineSecrets.userId, users.id))
    .where(and(or(eq(users.id, id), eq(users.usernameKey, usernameKey)), mayAct));
}

export type MachineKey = Machine & Pick<typeof machineKeys.$inferSelect, 'publicKey' | 'expiresAt'> & { keyId: string };

/** A machine's keys that have not expired: two at most, the named one, or any where none is named. */
export async function findKeys(db: Db, userId: string, keyId: string | undefined, now: Date): Promise<MachineKey[]> {
  const named = keyId === undefined ? undefined : eq(machineKeys.id, keyId);
  return db
    .select({ ...machineColumns, keyId: machineKeys.id, publicKey: machineKeys.publicKey, expiresAt: machineKeys.expiresAt })
    .from(machineKeys)
    .innerJoin(users, eq(users.id, machineKeys.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .where(and(eq(machineKeys.userId, userId), named, gt(machineKeys.expiresAt, now), mayAct))
    .limit(2);
}

export async function keyExists(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.db.select({ id: machineKeys.id }).from(machineKeys).where(eq(machineKeys.id, id));
  return rows.length > 0;
}

export async function secretExists(tx: Tx, userId: string, hash: Buffer): Promise<boolean> {
  const is = and(eq(machineSecrets.userId, userId), eq(machineSecrets.hash, hash));
  const rows = await tx.db.select({ userId: machineSecrets.userId }).from(machineSecrets).where(is);
  return rows.length > 0;
}

/** False when it was taken before. */
export async function useAssertion(db: Db, hash: Buffer, expiresAt: Date): Promise<boolean> {
  const rows = await db
    .insert(usedAssertions)
    .values({ hash, expiresAt })
    .onConflictDoNothing()
    .returning({ hash: usedAssertions.hash });
  return rows.length > 0;
}

export async function insertAccessToken(tx: Tx, row: typeof accessTokens.$inferInsert): Promise<void> {
  await tx.db.insert(accessTokens).values(row);
}

/** What there is to tell of a token that may be used. */
export interface TokenFacts {
  id: string;
  userId: string;
  username: string;
  scope: string;
  createdAt: Date;
  expiresAt: Date;
}

/** An access token or a personal one; undefined when it may not be used. */
export async function findToken(db: Db, hash: Buffer, now: Date): Promise<TokenFacts | undefined> {
  const holder = { userId: users.id, username: users.username };
  const mayBeUsed = and(eq(users.state, 'active'), eq(organizations.state, 'active'));
  const { id, scope, createdAt, expiresAt } = accessTokens;
  const [given] = await db
    .select({ id, scope, createdAt, expiresAt, ...holder })
    .from(accessTokens)
    .innerJoin(users, eq(users.id, accessTokens.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .where(and(eq(accessTokens.hash, hash), gt(expiresAt, now), mayBeUsed));
  if (given) return given;
  const personal = personalAccessTokens;
  const facts = { id: personal.id, createdAt: personal.createdAt, expiresAt: personal.expiresAt };
  const [made] = await db
    .select({ ...facts, scope: sql<string>`''`, ...holder })
    .from(personal)
    .innerJoin(users, eq(users.id, personal.userId))
    .innerJoin(organizations, eq(organizations.id, users.organizationId))
    .where(and(eq(personal.hash, hash), gt(personal.expiresAt, now), mayBeUsed));
  return made;
}
