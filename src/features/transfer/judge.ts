import type { Tx } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { domainOf, textKey } from '../../kernel/names.ts';
import { checkProvider } from '../idp/links.ts';
import { goneReason } from '../lifecycle/create.ts';
import { claimedDomain } from '../lifecycle/usernames.ts';
import type { Earlier } from './earlier.ts';
import { accountKey, type Facts, findFacts, type KnownProvider, placed } from './factsRepository.ts';
import { type Candidate, type Prepared, type Refusal, refusalOf } from './prepare.ts';
import { lockIds } from './repository.ts';

/** A candidate who becomes a user. */
export interface Admitted extends Candidate {
  /** The last sequence of a deleted user whose id this was; 0 without one. */
  sequenceBefore: bigint;
}

export interface Judged {
  admitted: Admitted[];
  refusals: Refusal[];
}

/**
 * Holds candidates against who is there, and against each other in the order of their lines: as if each was created by a
 * call of its own, with the rules of addUser in their order, but with a few questions to the database for all of them.
 * A rehearsal gives what its earlier lines took, and locks nothing.
 */
export async function judge(tx: Tx, { candidates, refusals }: Prepared, earlier?: Earlier): Promise<Judged> {
  if (!earlier) await lockIds(tx, givenIds(candidates));
  const facts = await findFacts(tx, candidates, !earlier);
  earlier?.tell(candidates, facts);
  const admitted: Admitted[] = [];
  const judged = [...refusals];
  for (const candidate of candidates) {
    try {
      admitted.push(admit(tx, candidate, facts));
    } catch (error) {
      judged.push(refusalOf(error, candidate.line, candidate.record));
    }
  }
  return { admitted, refusals: judged.sort((a, b) => a.line - b.line) };
}

const givenIds = (candidates: readonly Candidate[]): string[] =>
  candidates.flatMap(({ user: { userId } }) => (userId === undefined ? [] : [userId]));

/** Throws what stands against a candidate; else he counts for those after him. */
function admit(tx: Tx, candidate: Candidate, facts: Facts): Admitted {
  const { id, organizationId, username, usernameKey, user, refusal } = candidate;
  if (!facts.organizations.has(organizationId)) throw failure(goneReason(tx));
  const owner = facts.owners.get(id);
  if (owner && (!owner.deleted || owner.organizationId !== organizationId)) throw failure('USER_ID_TAKEN');
  const domain = domainOf(username);
  const claimant = domain === undefined ? undefined : facts.domains.get(domain);
  if (domain !== undefined && claimant !== undefined && claimant !== organizationId) throw claimedDomain(domain);
  if (refusal) throw refusal;
  const links = user.details.type === 'human' ? user.details.links : [];
  for (const { providerId } of links) checkProvider(usableIn(organizationId, facts.providers.get(providerId)), providerId);
  if (facts.verifiedEmails.has(placed(organizationId, usernameKey))) throw failure('USERNAME_TAKEN');
  if (facts.usernameKeys.has(usernameKey)) throw failure('USERNAME_TAKEN');
  const accounts = links.map(accountKey);
  if (new Set(accounts).size < accounts.length || accounts.some((account) => facts.accounts.has(account)))
    throw failure('LINK_EXISTS');

  for (const account of accounts) facts.accounts.add(account);
  facts.owners.set(id, { deleted: false, organizationId, sequence: 1n });
  facts.usernameKeys.add(usernameKey);
  if (user.details.type === 'human' && user.details.email.verification.kind === 'verified')
    facts.verifiedEmails.add(placed(organizationId, textKey(user.details.email.address)));
  return { ...candidate, sequenceBefore: owner?.sequence ?? 0n };
}

/** An organization's providers are its own, the instance's everybody's. */
const usableIn = (organizationId: string, provider: KnownProvider | undefined): KnownProvider | undefined =>
  provider?.organizationId === null || provider?.organizationId === organizationId ? provider : undefined;
