import {
  type CharacterClass,
  characterClasses,
  compositionFreeMinimum,
  longestMinimum,
  type PasswordPolicy,
  shortestMinimum,
} from '../features/password/policy.ts';
import { deletePolicy, findOwnPolicy, findPolicy, instance, writePolicy } from '../features/password/policyRepository.ts';
import { organizationExists } from '../kernel/auth/organizations.ts';
import { type App, transaction } from '../kernel/call.ts';
import { failure } from '../kernel/errors.ts';
import { operatorCall } from '../system.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';

const organization = { value: 'ID', help: 'of an organization; of the instance when left out' };

export const policyCommands: readonly Command[] = [
  { name: 'policy show', help: 'what new passwords must be like', options: { organization }, run: show },
  {
    name: 'policy set',
    help: 'say what new passwords must be like; those there are stay as they are',
    options: {
      organization,
      'min-length': {
        value: 'N',
        help: `bytes at least, ${shortestMinimum} to ${longestMinimum}; characters with --composition-free`,
      },
      require: { value: 'CLASSES', help: `what must occur: some of ${characterClasses.join(',')}, or none` },
      'composition-free': {
        help: `length alone counts, ${compositionFreeMinimum} characters unless --min-length says otherwise`,
      },
    },
    run: set,
  },
  {
    name: 'policy remove',
    help: "let the instance's policy hold for an organization again",
    options: { organization },
    run: remove,
  },
];

async function show({ open, print }: Operator, { organization = instance }: Given): Promise<number> {
  const app = await open();
  await checkOrganization(app, organization);
  const own = await findOwnPolicy(app, organization);
  const whose = own ? 'Set' : 'Nothing is set';
  print(`${inWords(own ?? (await findPolicy(app, organization)))}\n${whose} for ${nameOf(organization)}.`);
  return 0;
}

async function set({ open, print }: Operator, { organization = instance, ...given }: Given): Promise<number> {
  const policy = policyOf(given);
  const app = await open();
  await checkOrganization(app, organization);
  await transaction(operatorCall(app), (tx) => writePolicy(tx, organization, policy));
  print(`${inWords(policy)}\nSet for ${nameOf(organization)}.`);
  return 0;
}

async function remove({ open, print }: Operator, { organization }: Given): Promise<number> {
  if (!organization) throw new Usage('Say whose: --organization ID. The policy of the instance can be set, not removed.');
  const app = await open();
  await checkOrganization(app, organization);
  const removed = await transaction(operatorCall(app), (tx) => deletePolicy(tx, organization));
  print(
    removed ? `The instance's policy holds for ${nameOf(organization)}.` : `${nameOf(organization)} has no policy of its own.`,
  );
  return removed ? 0 : 1;
}

async function checkOrganization({ db }: App, id: string): Promise<void> {
  if (id !== instance && !(await organizationExists(db, id))) throw failure('ORGANIZATION_NOT_FOUND');
}

function policyOf(given: Given): PasswordPolicy {
  const { 'min-length': length, require: classes, 'composition-free': lengthAlone } = given;
  const compositionFree = lengthAlone !== undefined;
  if (compositionFree === (classes !== undefined))
    throw new Usage('Say either what is required, --require CLASSES, or --composition-free.');
  if (!compositionFree && length === undefined) throw new Usage('Say how long a password is at least: --min-length N.');
  const minimumLength = length === undefined ? compositionFreeMinimum : lengthOf(length);
  return { minimumLength, compositionFree, required: classesOf(classes ?? '') };
}

function lengthOf(text: string): number {
  const length = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (length >= shortestMinimum && length <= longestMinimum) return length;
  throw new Usage(`--min-length ${text}: write a number from ${shortestMinimum} to ${longestMinimum}.`);
}

function classesOf(text: string): CharacterClass[] {
  const names = text === 'none' ? [] : text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !characterClasses.some((known) => known === name));
  if (unknown !== undefined) throw new Usage(`--require ${text}: write some of ${characterClasses.join(',')}, or none.`);
  return characterClasses.filter((known) => names.includes(known));
}

function inWords({ minimumLength, compositionFree, required }: PasswordPolicy): string {
  const length = `A password has at least ${minimumLength} ${compositionFree ? 'characters' : 'bytes'}`;
  return `${required.length === 0 ? length : `${length} and of each: ${required.join(', ')}`}.`;
}

const nameOf = (organization: string) => (organization === instance ? 'the instance' : `the organization ${organization}`);
