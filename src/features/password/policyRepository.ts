import { eq, or, sql } from 'drizzle-orm';
import type { Call, Tx } from '../../kernel/call.ts';
import { prepared } from '../../kernel/db/prepared.ts';
import { passwordPolicies } from '../../kernel/db/schema.ts';
import { characterClasses, defaultPolicy, type PasswordPolicy } from './policy.ts';

/** In place of an organization's id: the instance. Its policy is that of new users, and of organizations without one. */
export const instance = '';

type Row = typeof passwordPolicies.$inferSelect;

/** The policy in force for an organization or the instance: its own, else the instance's, else the default. */
export async function findPolicy({ db }: Pick<Call, 'db'>, owner: string): Promise<PasswordPolicy> {
  const rows = await policiesOf(db).execute({ owner });
  const row = rows.find(({ organizationId }) => organizationId === owner) ?? rows[0];
  return row ? policyOf(row) : defaultPolicy;
}

/** The policy that was set for this organization, or for the instance. */
export async function findOwnPolicy({ db }: Pick<Call, 'db'>, owner: string): Promise<PasswordPolicy | undefined> {
  const [row] = await db.select().from(passwordPolicies).where(eq(passwordPolicies.organizationId, owner));
  return row && policyOf(row);
}

export async function writePolicy({ db }: Tx, owner: string, policy: PasswordPolicy): Promise<void> {
  const { minimumLength, compositionFree, required } = policy;
  const has = (name: (typeof characterClasses)[number]) => required.includes(name);
  const columns = { lower: has('lower'), upper: has('upper'), digit: has('digit'), symbol: has('symbol') };
  const row = { organizationId: owner, minimumLength, compositionFree, ...columns };
  await db.insert(passwordPolicies).values(row).onConflictDoUpdate({ target: passwordPolicies.organizationId, set: row });
}

/** False when there was none. */
export async function deletePolicy({ db }: Tx, owner: string): Promise<boolean> {
  const deleted = await db
    .delete(passwordPolicies)
    .where(eq(passwordPolicies.organizationId, owner))
    .returning({ owner: passwordPolicies.organizationId });
  return deleted.length > 0;
}

function policyOf({ minimumLength, compositionFree, ...row }: Row): PasswordPolicy {
  return { minimumLength, compositionFree, required: characterClasses.filter((name) => !compositionFree && row[name]) };
}

const policiesOf = prepared((db) =>
  db
    .select()
    .from(passwordPolicies)
    .where(or(eq(passwordPolicies.organizationId, sql.placeholder('owner')), eq(passwordPolicies.organizationId, instance)))
    .prepare('find_policies'),
);
