import type { Tx } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { domainOf, textKey } from '../../kernel/names.ts';
import { isClaimedElsewhere, isVerifiedEmailOfAnother } from './repository.ts';

/** Trimmed; USERNAME_BLANK when nothing is left. `field` is where it stands in the request. */
export function trimUsername(username: string, field = 'username'): string {
  const trimmed = username.trim();
  if (trimmed === '') throw invalidField('USERNAME_BLANK', field);
  return trimmed;
}

/** Refuses a name at a domain that another organization has verified. `field` is where it stands in the request. */
export async function refuseClaimedDomain(tx: Tx, username: string, organizationId: string, field = 'username'): Promise<void> {
  const domain = domainOf(username);
  if (domain && (await isClaimedElsewhere(tx, domain, organizationId))) throw claimedDomain(domain, field);
}

export const claimedDomain = (domain: string, field = 'username') => invalidField('DOMAIN_CLAIMED', field, { domain });

/** Refuses the verified e-mail of another user of the organization: who signs in by it would be two people. */
export async function refuseEmailOfAnother(tx: Tx, username: string, organizationId: string, userId: string): Promise<void> {
  if (await isVerifiedEmailOfAnother(tx, textKey(username), organizationId, userId)) throw failure('USERNAME_TAKEN');
}
