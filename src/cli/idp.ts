import { readFile } from 'node:fs/promises';
import { applyPlan, type Change, complete, type Plan, ProvidersMoved, planProviders } from '../features/idp/apply.ts';
import { readProviders, type WantedProvider } from '../features/idp/convertFile.ts';
import { callbackPath, jwtPath, samlMetadataPath } from '../features/idp/paths.ts';
import type { Owner, ProviderRow } from '../features/idp/repository.ts';
import type { Mistake } from '../features/idp/yamlFields.ts';
import { organizationExists } from '../kernel/auth/organizations.ts';
import type { App } from '../kernel/call.ts';
import { failure } from '../kernel/errors.ts';
import { operatorCall } from '../system.ts';
import { agrees } from './ask.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';

export const idpApply: Command = {
  name: 'idp apply',
  argument: 'FILE',
  help: 'bring the identity providers to what a YAML file says; shows the difference first, and asks',
  options: {
    organization: { value: 'ID', help: 'those of an organization; those of the instance when left out' },
    prune: { help: 'switch off the providers that the file does not name' },
    yes: { help: 'write without asking' },
  },
  run: apply,
};

async function apply({ open, print, tell, env, stop }: Operator, given: Given, path: string): Promise<number> {
  const wanted = await read(path, env);
  const app = await open();
  const owner: Owner = given.organization === undefined ? { on: 'instance' } : { on: 'organization', id: given.organization };
  if (owner.on === 'organization' && !(await organizationExists(app.db, owner.id))) throw failure('ORGANIZATION_NOT_FOUND');
  const { providers, mistakes } = await complete(app, wanted);
  refuseMistakes(path, mistakes);
  const prune = given.prune !== undefined;
  const plan = await planProviders(app, owner, providers, prune);
  refuseMistakes(path, plan.mistakes);
  for (const change of plan.changes) for (const line of inWords(change)) print(line);
  if (plan.changes.length === 0) {
    print('Nothing to change.');
    return 0;
  }
  if (given.yes === undefined) {
    const agreed = await agrees('Write this?', stop);
    if (agreed === undefined) tell('Nothing was written: there is no terminal to ask at. To write this, say --yes.');
    else if (!agreed) tell('Nothing was written.');
    if (!agreed) return 1;
  }
  try {
    const added = await applyPlan(operatorCall(app), owner, providers, { plan, prune });
    for (const row of added) print(`${row.type} "${row.name}" has the id ${row.id}${toEnter(app, row)}`);
  } catch (error) {
    if (!(error instanceof ProvidersMoved)) throw error;
    tell('Not done. Somebody changed the providers in the meantime. Look again.');
    return 1;
  }
  print(summary(plan));
  return 0;
}

async function read(path: string, variables: Operator['env']): Promise<WantedProvider[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new Usage(`${path} cannot be read: ${error.message}.`);
  });
  const { providers, mistakes } = readProviders(text, variables);
  refuseMistakes(path, mistakes);
  return providers;
}

function refuseMistakes(path: string, mistakes: readonly Mistake[]): void {
  if (mistakes.length === 0) return;
  throw new Usage([`${path}:`, ...mistakes.map(({ line, problem }) => `- line ${line}: ${problem}`)].join('\n'));
}

function inWords(change: Change): string[] {
  switch (change.kind) {
    case 'add': {
      const { name, config, state } = change.wanted;
      return [`+ ${config.type} "${name}" is added${state === 'inactive' ? ', switched off' : ''}`];
    }
    case 'change': {
      const { row, differences } = change;
      const lines = differences.map(({ field, values }) =>
        values ? `    ${field}: ${values.before} -> ${values.after}` : `    ${field}: changed`,
      );
      return [`~ ${row.type} "${row.name}" is changed (${row.id})`, ...lines];
    }
    case 'switch off': {
      const { row } = change;
      return [`- ${row.type} "${row.name}" is switched off (${row.id})`];
    }
  }
}

/** What the provider has to know of us. */
function toEnter({ settings: { publicUrl } }: App, { id, type }: ProviderRow): string {
  switch (type) {
    case 'oidc':
    case 'oauth':
    case 'google':
    case 'github':
      return `; there, enter the redirect URI ${publicUrl}${callbackPath}`;
    case 'saml':
      return `; there, enter the metadata ${publicUrl}${samlMetadataPath(id)}`;
    case 'jwt':
      return `; it sends people back to ${publicUrl}${jwtPath}`;
    case 'ldap':
      return '';
  }
}

function summary({ changes }: Plan): string {
  const count = (kind: Change['kind']) => changes.filter((change) => change.kind === kind).length;
  return `Done: ${count('add')} added, ${count('change')} changed, ${count('switch off')} switched off.`;
}
