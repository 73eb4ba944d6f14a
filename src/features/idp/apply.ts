// Brings the providers of an owner to what a file wants: first what it would come to, then that and nothing else.
import { isDeepStrictEqual } from 'node:util';
import { type App, type Call, type Tx, transaction } from '../../kernel/call.ts';
import { toldBy } from '../../kernel/errors.ts';
import type { WantedProvider } from './convertFile.ts';
import { shownFields } from './convertProvider.ts';
import { findOwnProviders, lockProviders, type Owner, type ProviderRow } from './repository.ts';
import { checkSaml, fetchMetadata, newSigningKey } from './saml.ts';
import { secretOf } from './secrets.ts';
import { changeProvider, newProvider } from './service.ts';
import type { Mistake } from './yamlFields.ts';

export type Change =
  | { kind: 'add'; wanted: WantedProvider }
  | { kind: 'change'; row: ProviderRow; wanted: WantedProvider; differences: Difference[] }
  | { kind: 'switch off'; row: ProviderRow };

/** Of a field; without its values where they are secret, or long. */
export interface Difference {
  field: string;
  values: { before: string; after: string } | undefined;
}

export interface Plan {
  changes: Change[];
  mistakes: Mistake[];
}

/** Somebody changed the providers since they were planned for. */
export class ProvidersMoved extends Error {
  override name = 'ProvidersMoved';
}

/** With the metadata of SAML providers, which may have to be fetched, and with what is wrong with them. */
export async function complete(
  app: App,
  wanted: readonly WantedProvider[],
): Promise<{ providers: WantedProvider[]; mistakes: Mistake[] }> {
  const mistakes: Mistake[] = [];
  const whole = wanted.map(async (provider) => {
    try {
      return await withMetadata(app, provider);
    } catch (error) {
      const told = toldBy(error);
      if (!told) throw error;
      mistakes.push({ line: provider.line, problem: `"${provider.name}": ${told.message}` });
      return [];
    }
  });
  const providers = (await Promise.all(whole)).flat();
  return { providers, mistakes: mistakes.toSorted((a, b) => a.line - b.line) };
}

async function withMetadata(app: App, provider: WantedProvider): Promise<WantedProvider> {
  const { config, metadataUrl } = provider;
  if (config.type !== 'saml') return provider;
  const metadataXml = metadataUrl === '' ? config.metadataXml : await fetchMetadata(app, metadataUrl);
  const whole = { ...config, metadataXml };
  await checkSaml(app.clock(), whole, metadataUrl === '' ? 'metadata_xml' : 'metadata_url');
  return { ...provider, config: whole };
}

/** `prune` switches off what the file does not name; nothing is ever deleted, as its links would go with it. */
export async function planProviders(app: App, owner: Owner, wanted: readonly WantedProvider[], prune: boolean): Promise<Plan> {
  return planFor(app, await findOwnProviders(app.db, owner), wanted, prune);
}

function planFor(app: Pick<App, 'keys'>, rows: readonly ProviderRow[], wanted: readonly WantedProvider[], prune: boolean): Plan {
  const plan: Plan = { changes: [], mistakes: [] };
  const isWanted = (row: ProviderRow, { name, config }: WantedProvider) => row.name === name && row.type === config.type;
  for (const provider of wanted) {
    const [row, another] = rows.filter((each) => isWanted(each, provider));
    const { line, secret, secretField, name, config } = provider;
    if (another) plan.mistakes.push({ line, problem: `there are several ${config.type} called "${name}": rename one` });
    else if (!row && secretField !== undefined && secret === '')
      plan.mistakes.push({ line, problem: `${secretField} is missing: there is no such provider yet` });
    else if (!row) plan.changes.push({ kind: 'add', wanted: provider });
    else {
      const differences = differencesOf(app, row, provider);
      if (differences.length > 0) plan.changes.push({ kind: 'change', row, wanted: provider, differences });
    }
  }
  const others = rows.filter((row) => row.state === 'active' && !wanted.some((provider) => isWanted(row, provider)));
  if (prune) plan.changes.push(...others.map((row) => ({ kind: 'switch off', row }) as const));
  return plan;
}

/** Long, and of no use on a terminal. */
const documents: ReadonlySet<string> = new Set(['metadataXml', 'rootCa']);

function differencesOf(app: Pick<App, 'keys'>, row: ProviderRow, wanted: WantedProvider): Difference[] {
  const [before, after] = [row, wanted].map((each) => ({ ...shownFields(each), state: each.state }) as const);
  const fields = Object.entries({ ...before, ...after }).map(([field]) => field);
  const found: Difference[] = [];
  for (const field of fields) {
    const [left, right] = [before, after].map((shown) =>
      JSON.stringify(Object.entries(shown ?? {}).find(([name]) => name === field)?.[1]),
    );
    const values = documents.has(field) ? undefined : { before: left ?? 'nothing', after: right ?? 'nothing' };
    if (left !== right) found.push({ field, values });
  }
  const { secret, secretField } = wanted;
  if (secretField !== undefined && secret !== '' && secret !== secretOf(app, row))
    found.push({ field: secretField, values: undefined });
  return found;
}

/** Does exactly what was planned. Returns those that were added. ProvidersMoved: it would be something else by now. */
export function applyPlan(
  call: Call,
  owner: Owner,
  wanted: readonly WantedProvider[],
  { plan, prune }: { plan: Plan; prune: boolean },
): Promise<ProviderRow[]> {
  return transaction(call, async (tx) => {
    const now = planFor(tx, await lockProviders(tx, owner), wanted, prune);
    if (!isDeepStrictEqual(now, plan)) throw new ProvidersMoved();
    const added: ProviderRow[] = [];
    for (const change of now.changes) added.push(...(await make(tx, owner, change)));
    return added;
  });
}

async function make(tx: Tx, owner: Owner, change: Change): Promise<ProviderRow[]> {
  switch (change.kind) {
    case 'add': {
      const { wanted } = change;
      const secret = wanted.config.type === 'saml' ? await newSigningKey(tx, tx.now) : wanted.secret;
      return [await newProvider(tx, owner, { ...wanted, secret })];
    }
    case 'change':
      await changeProvider(tx, change.row, change.wanted);
      return [];
    case 'switch off':
      await changeProvider(tx, change.row, { ...change.row, secret: '', state: 'inactive' });
      return [];
  }
}
