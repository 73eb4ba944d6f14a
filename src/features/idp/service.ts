// Owns: the identity providers that people may sign in with, of the instance and of organizations, and the accounts there
// that are linked to users here. Leaves the walk to a provider and back to features/intent, what is
// said on it to protocols/.
import { isDeepStrictEqual } from 'node:util';
import { forgetProvider } from '../../kernel/auth/sessions.ts';
import type { Call, Tx } from '../../kernel/call.ts';
import { transaction } from '../../kernel/call.ts';
import type { ProviderConfig, ProviderOptions } from '../../kernel/db/providerConfig.ts';
import { failure } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import { checkConfig } from './config.ts';
import {
  deleteProvider as deleteRow,
  findProviders,
  findUsable,
  insertProvider,
  lockProvider,
  type Owner,
  type ProviderRow,
  type ProviderSearch,
  updateProvider as updateRow,
} from './repository.ts';
import { sealedSecret, secretOf } from './secrets.ts';

/** A provider as it is to be. */
export interface ProviderInput {
  name: string;
  config: ProviderConfig;
  options: ProviderOptions;
  /** The client secret or the bind password; empty: as it is, or none. */
  secret: string;
}

/** Refuses what could never work, see `checkConfig`. */
export function addProvider(call: Call, owner: Owner, input: ProviderInput): Promise<ProviderRow> {
  checkConfig(input.config);
  return transaction(call, (tx) => newProvider(tx, owner, input));
}

/** The step of adding one, for `idp apply` as well. */
export async function newProvider(tx: Tx, owner: Owner, input: ProviderInput & { state?: ProviderRow['state'] }) {
  const id = tx.ids.next();
  const row: ProviderRow = {
    id,
    organizationId: owner.on === 'organization' ? owner.id : null,
    ...columnsOf(input),
    type: input.config.type,
    state: input.state ?? 'active',
    secret: sealedSecret(tx, id, input.secret),
    sequence: 1n,
    createdAt: tx.now,
    changedAt: tx.now,
  };
  await insertProvider(tx, row);
  return row;
}

const columnsOf = ({ name, config, options }: ProviderInput) => ({ name, nameKey: textKey(name), config, options });

/** Replaces everything but an empty secret. PROVIDER_NOT_FOUND also for one of another type. */
export function updateProvider(call: Call, owner: Owner, id: string, input: ProviderInput): Promise<ProviderRow> {
  checkConfig(input.config);
  return transaction(call, async (tx) => {
    const before = await lockProvider(tx, owner, id);
    if (before?.type !== input.config.type) throw failure('PROVIDER_NOT_FOUND');
    return changeProvider(tx, before, input);
  });
}

/** The step of an update, for `idp apply` as well. No change there is none. */
export async function changeProvider(
  tx: Tx,
  before: ProviderRow,
  input: ProviderInput & { state?: ProviderRow['state'] },
): Promise<ProviderRow> {
  const columns = { ...columnsOf(input), state: input.state ?? before.state };
  const sameSecret = input.secret === '' || input.secret === secretOf(tx, before);
  const { name, nameKey, config, options, state } = before;
  if (sameSecret && isDeepStrictEqual(columns, { name, nameKey, config, options, state })) return before;
  return updateRow(tx, before.id, { ...columns, ...(!sameSecret && { secret: sealedSecret(tx, before.id, input.secret) }) });
}

/** PROVIDER_NOT_FOUND: the owner has none with that id. */
export async function deleteProvider(call: Call, owner: Owner, id: string): Promise<ProviderRow> {
  const row = await transaction(call, async (tx) => {
    if (!(await lockProvider(tx, owner, id))) throw failure('PROVIDER_NOT_FOUND');
    return removeProvider(tx, id);
  });
  return { ...row, changedAt: call.now, sequence: row.sequence + 1n };
}

/** Its links, what is under way and what was checked by it go with it. It is locked. */
async function removeProvider(tx: Tx, id: string): Promise<ProviderRow> {
  await forgetProvider(tx, id);
  return deleteRow(tx, id);
}

/** An organization reads the instance's too. */
export async function getProviderByID({ db }: Call, owner: Owner, id: string): Promise<ProviderRow> {
  const row = await findUsable(db, owner, id);
  if (!row) throw failure('PROVIDER_NOT_FOUND');
  return row;
}

export const listProviders = ({ db }: Call, owner: Owner, search: ProviderSearch) => findProviders(db, owner, search);
