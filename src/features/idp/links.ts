// The accounts at identity providers that are linked to a person.
import { authorizeList } from '../../kernel/auth/authorize.ts';
import { forgetFactor } from '../../kernel/auth/sessions.ts';
import type { Call, Tx } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import type { Page } from '../../kernel/paging.ts';
import { type Details, record } from '../user/events.ts';
import { changePerson, personOf } from '../user/person.ts';
import { findUser } from '../user/repository.ts';
import { deleteLink, insertLink, type LinkRow, listLinks } from './linkRepository.ts';
import { keepUsable, type ProviderRow } from './repository.ts';

/** An account at a provider. */
export interface Account {
  providerId: string;
  externalId: string;
  userName: string;
}

/** PROVIDER_UNKNOWN, PROVIDER_INACTIVE, LINK_EXISTS. */
export async function addIDPLink(call: Call, userId: string, account: Account): Promise<Details> {
  const { details } = await changePerson(call, userId, { unknown: 'USER_UNKNOWN' }, async (tx, user) => {
    await requireProvider(tx, user.organizationId, account.providerId);
    await link(tx, user, account);
    return {};
  });
  return details;
}

/** PROVIDER_UNKNOWN, PROVIDER_INACTIVE. The provider stays until the transaction ends. */
export async function requireProvider(tx: Tx, organizationId: string, providerId: string): Promise<void> {
  checkProvider(await keepUsable(tx, { on: 'organization', id: organizationId }, providerId), providerId);
}

/** As `requireProvider`, of one that may create users. PROVIDER_CREATES_NOBODY. */
export async function requireCreatingProvider(tx: Tx, organizationId: string, providerId: string): Promise<void> {
  const provider = await keepUsable(tx, { on: 'organization', id: organizationId }, providerId);
  checkProvider(provider, providerId);
  const { creation, autoCreation } = provider.options;
  if (!creation && !autoCreation) throw failure('PROVIDER_CREATES_NOBODY', { metadata: { provider: providerId } });
}

/** Whether users can be linked with what was found under an id. PROVIDER_UNKNOWN, PROVIDER_INACTIVE. */
export function checkProvider<P extends Pick<ProviderRow, 'state'>>(
  provider: P | undefined,
  providerId: string,
): asserts provider is P {
  if (!provider) throw failure('PROVIDER_UNKNOWN', { metadata: { provider: providerId } });
  if (provider.state !== 'active') throw failure('PROVIDER_INACTIVE');
}

/** The step, for whoever makes users as well; `requireProvider` has passed. LINK_EXISTS. */
export async function link(tx: Tx, user: { id: string }, { providerId, externalId, userName }: Account): Promise<void> {
  if (!(await insertLink(tx, { providerId, externalId, userId: user.id, userName }))) throw failure('LINK_EXISTS');
  await record(tx, user.id, { type: 'link.added', provider: providerId });
}

/** Of providers that are switched off as well. */
export async function listIDPLinks(call: Call, userId: string, page: Page): Promise<{ rows: LinkRow[]; total: number }> {
  if (!authorizeList(call, personOf(await findUser(call.db, userId)))) return { rows: [], total: 0 };
  return listLinks(call.db, userId, page);
}

/** LINK_NOT_FOUND. */
export async function removeIDPLink(call: Call, userId: string, providerId: string, externalId: string): Promise<Details> {
  const { details } = await changePerson(call, userId, {}, async (tx) => {
    if (!(await deleteLink(tx, userId, providerId, externalId))) throw failure('LINK_NOT_FOUND');
    await forgetFactor(tx, userId, { kind: 'link', providerId, externalId: textKey(externalId) });
    await record(tx, userId, { type: 'link.removed', provider: providerId });
    return {};
  });
  return details;
}
