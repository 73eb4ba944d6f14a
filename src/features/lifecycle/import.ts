// A person with credentials from another system.
import { type Call, transaction } from '../../kernel/call.ts';
import { requireCreatingProvider } from '../idp/links.ts';
import { checkFormat } from '../password/service.ts';
import { addUser, type Created, checkNewUser, type NewHuman, type NewUser, prepareSecret } from './create.ts';

export type ImportedHuman = NewUser & {
  details: NewHuman;
  /** Of recovery codes, with where they stand in the request: looked at, and not kept. */
  recoveryHashes: readonly { hash: string; field: string }[];
};

/**
 * As `addHumanUser`, but a plain password follows the organization's own policy, and providers must be allowed to create
 * users: PROVIDER_CREATES_NOBODY.
 */
export async function importHumanUser(call: Call, { recoveryHashes, ...input }: ImportedHuman): Promise<Created> {
  const user = checkNewUser(call, input);
  for (const { hash, field } of recoveryHashes) checkFormat({ kind: 'hash', hash, changeRequired: false }, field);
  const password = await prepareSecret(call, user, call.organizationId);
  return transaction(call, async (tx) => {
    for (const { providerId } of input.details.links) await requireCreatingProvider(tx, call.organizationId, providerId);
    return addUser(tx, call.organizationId, user, password);
  });
}
