import { inArray } from 'drizzle-orm';
import type { Call } from '../../kernel/call.ts';
import { passwordPolicies } from '../../kernel/db/schema.ts';
import { characterClasses, defaultPolicy, type PasswordPolicy } from './policy.ts';

/** In place of an organization's id: the instance. Its policy is that of new users, and of organizations without one. */
export const instance = '';

/** The policy in force for an organization or the instance: its own, else the instance's, else the default. */
export async function findPolicy({ db }: Pick<Call, 'db'>, owner: string): Promise<PasswordPolicy> {
  const rows = await db
    .select()
    .from(passwordPolicies)
    .where(inArray(passwordPolicies.organizationId, [owner, instance]));
  const row = rows.find(({ organizationId }) => organizationId === owner) ?? rows[0];
  if (!row) return defaultPolicy;
  const { minimumLength, compositionFree } = row;
  return { minimumLength, compositionFree, required: characterClasses.filter((name) => !compositionFree && row[name]) };
}
