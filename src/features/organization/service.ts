// Owns: organizations, and what each begins with. Leaves the birth of its first people to features/lifecycle, their
// roles to members.ts, and the first organization of all to setup.ts.
import { reach } from '../../kernel/auth/caller.ts';
import { type Call, type Tx, transaction } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { textKey } from '../../kernel/names.ts';
import { addUser, type Created, checkNewUser, type NewUser, prepareSecret } from '../lifecycle/create.ts';
import type { PreparedPassword } from '../password/service.ts';
import type { MemberScope } from '../user/events.ts';
import { domainFor, labelOf } from './domains.ts';
import { addTo, checkRoles } from './members.ts';
import {
  claimPrimaryDomain,
  findOrganization,
  insertOrganization,
  listRows,
  type OrganizationRow,
  type OrganizationSearch,
} from './repository.ts';

/** Who administers a new organization: someone who exists, or a human to be created in it. */
export type Admin = { kind: 'existing'; userId: string; roles: string[] } | { kind: 'human'; human: NewUser; roles: string[] };

export interface NewOrganization {
  id?: string | undefined;
  name: string;
  admins: readonly Admin[];
}

export interface CreatedOrganization {
  organization: OrganizationRow;
  /** In the order asked for. */
  humans: Created[];
}

/** What an administrator gets who is named without roles. */
const defaultRoles = ['ORG_OWNER'];

/** Who creates an organization is no member of it, unless he names himself among the administrators. */
export async function addOrganization(call: Call, input: NewOrganization): Promise<CreatedOrganization> {
  const name = input.name.trim();
  if (name === '') throw invalidField('NAME_BLANK', 'name', { field: 'name' });
  const scope = { on: 'organization', id: input.id ?? call.ids.next() } as const;
  const admins: Prepared[] = [];
  for (const admin of input.admins.map((each) => checkAdmin(call, scope, each))) {
    admins.push({ admin, password: admin.kind === 'human' ? await prepareSecret(call, admin.human) : undefined });
  }
  return transaction(call, async (tx) => {
    const organization = await createRow(tx, scope.id, name);
    const humans: Created[] = [];
    for (const prepared of admins) {
      const human = await addAdmin(tx, scope, prepared);
      if (human) humans.push(human);
    }
    return { organization, humans };
  });
}

interface Prepared {
  admin: Admin;
  password: PreparedPassword | undefined;
}

function checkAdmin(call: Call, scope: MemberScope, admin: Admin): Admin {
  const roles = checkRoles(scope, admin.roles.length > 0 ? admin.roles : defaultRoles);
  return admin.kind === 'human' ? { ...admin, roles, human: checkNewUser(call, admin.human) } : { ...admin, roles };
}

async function createRow(tx: Tx, id: string, name: string): Promise<OrganizationRow> {
  const dates = { createdAt: tx.now, changedAt: tx.now };
  const row = { id, name, nameKey: textKey(name), state: 'active', primaryDomain: '', sequence: 1n, ...dates } as const;
  await insertOrganization(tx, row);
  // A name without a letter that a domain could hold gets a number for it.
  const label = labelOf(name) || tx.ids.next();
  const host = new URL(tx.settings.publicUrl).hostname;
  for (let n = 1; ; n++) {
    const primaryDomain = domainFor(label, n, host);
    if (await claimPrimaryDomain(tx, id, primaryDomain)) return { ...row, primaryDomain };
  }
}

async function addAdmin(
  tx: Tx,
  scope: MemberScope & { on: 'organization' },
  { admin, password }: Prepared,
): Promise<Created | undefined> {
  if (admin.kind === 'existing') {
    await addTo(tx, scope, admin.userId, admin.roles);
    return undefined;
  }
  const human = await addUser(tx, scope.id, admin.human, password);
  await addTo(tx, scope, human.userId, admin.roles);
  return human;
}

/** The organization that the call is about; the interceptors have checked that the caller may read it. */
export async function getMyOrg({ db, organizationId }: Call): Promise<OrganizationRow> {
  const organization = await findOrganization(db, organizationId);
  if (!organization) throw failure('ORGANIZATION_NOT_FOUND');
  return organization;
}

export interface OrganizationList {
  rows: OrganizationRow[];
  total: number;
}

/** Everybody sees his own organization, and those where he holds org.read. */
export function listOrganizations({ db, caller }: Call, search: OrganizationSearch): Promise<OrganizationList> {
  const readable = reach(caller, 'org.read');
  return listRows(db, readable === 'everywhere' ? readable : [...readable, caller.organizationId], search);
}
