// Who is told what, from the declarations and the table of roles alone: said once more, by other means than the server's.
import type { DescMethod, JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Access } from '../../../src/kernel/auth/access.ts';
import { instanceRoles, organizationRoles, type Permission } from '../../../src/kernel/auth/roles.ts';
import type { IdPlace } from './ids.ts';
import { accountOf } from './providers.ts';
import { type Part, parts, sessionTokenOf } from './values.ts';
import type { Person, World } from './world.ts';

export interface Cell {
  method: DescMethod;
  access: Access;
  caller: Person;
  json: JsonObject;
  /** Where the request names something. */
  places: readonly IdPlace[];
  /** The organization that the header names. */
  header: string | undefined;
}

export type Verdict =
  /** What the owner of the instance is told. */
  | { kind: 'as owner' }
  /** What he is told, without the rows that the caller may not read. */
  | { kind: 'own rows'; sees: (row: Row) => boolean }
  /** What he is told of an id that does not exist. */
  | { kind: 'as unknown'; place: IdPlace }
  /** `hidden`: the caller may not learn that there is such an id. */
  | { kind: 'refused'; outcome: string; hidden: boolean };

/** A row of a list, by what makes it visible. */
export interface Row {
  id: string;
  userId: string;
  organizationId: string;
}

const asOwner: Verdict = { kind: 'as owner' };
const hidden = (reason: string): Verdict => ({ kind: 'refused', outcome: `not_found ${reason}`, hidden: true });
const denied = (reason = 'PERMISSION_DENIED'): Verdict => ({
  kind: 'refused',
  outcome: `permission_denied ${reason}`,
  hidden: false,
});

export function verdictOf(world: World, cell: Cell): Verdict {
  const verdict = byAccess(world, cell);
  const outcome = verdict.kind === 'as owner' ? takenId(world, cell) : undefined;
  return outcome === undefined ? verdict : { kind: 'refused', outcome, hidden: false };
}

function byAccess(world: World, cell: Cell): Verdict {
  const { access, caller } = cell;
  switch (access.on) {
    case 'nothing':
      return asOwner;
    case 'user':
      return onUser(world, cell, access);
    case 'session':
      return onSession(world, cell, access);
    case 'organization': {
      const id = chosenOrganization(world, cell);
      const verdict = inOrganization(world, cell, access.permission, id, denied('ORGANIZATION_DENIED'));
      return access.user && verdict.kind !== 'refused' ? onItsUser(world, cell, id) : verdict;
    }
    case 'instance':
      return hasEverywhere(caller, access.permission) ? asOwner : denied();
    case 'token':
      return onToken(world, cell);
    case 'proof':
      return onProof(world, cell, access);
  }
}

/** Nobody, not even the owner, gets an id again that is in use, or was another organization's. */
function takenId({ mine, theirs, people }: World, { json, places }: Cell): string | undefined {
  const given = places.filter(({ isNew }) => isNew).map(({ path }) => textOf(at(json, path)));
  if (given.some((id) => people.has(id) || id === theirs.deletedId)) return 'failed_precondition USER_ID_TAKEN';
  return given.some((id) => id === mine.id || id === theirs.id) ? 'already_exists ORGANIZATION_ID_TAKEN' : undefined;
}

/** What a method that any token may call does with the caller. A new one needs its line here. */
function onToken(world: World, cell: Cell): Verdict {
  const { method, caller, json } = cell;
  const reads = (organizationId: string) => has(caller, 'user.read', organizationId);
  switch (method.name) {
    case 'CreateUser':
      return inOrganization(world, cell, 'user.write', textOf(json.organizationId), asOwner);
    case 'ListUsers':
      return {
        kind: 'own rows',
        sees: ({ id, organizationId }) => reads(organizationId) || (caller.type === 'human' && id === caller.id),
      };
    case 'ListPersonalAccessTokens':
    case 'ListKeys':
      return { kind: 'own rows', sees: ({ userId, organizationId }) => reads(organizationId) || userId === caller.id };
    case 'ListSessions':
      return {
        kind: 'own rows',
        sees: ({ id, userId, organizationId }) =>
          userId === caller.id ||
          world.sessions.get(id)?.creatorId === caller.id ||
          (organizationId === '' ? hasEverywhere(caller, 'session.read') : has(caller, 'session.read', organizationId)),
      };
    case 'StartIdentityProviderIntent':
    case 'RetrieveIdentityProviderIntent':
      return asOwner;
    case 'ListOrganizations':
      return { kind: 'own rows', sees: ({ id }) => has(caller, 'org.read', id) || id === caller.organizationId };
    default:
      throw new Error(`say in rules.ts what ${method.name} tells whom`);
  }
}

function onUser(world: World, { method, caller, json, places }: Cell, access: Access & { on: 'user' }): Verdict {
  const target = world.people.get(textOf(json.userId));
  const exists = target && (addressedType(method, json) ?? target.type) === target.type;
  if (!exists) return hasEverywhere(caller, 'user.read') ? asOwner : hidden('USER_NOT_FOUND');
  const isSelf = target.id === caller.id;
  if (!isSelf && !has(caller, 'user.read', target.organizationId)) return hidden('USER_NOT_FOUND');
  const changes = !changesNothing(method, json);
  if (has(caller, changes ? access.permission : 'user.read', target.organizationId)) {
    const takesOver = changes && touchesCredentials(method, json) && !isSelf && isHigher(world, target, caller);
    const foreign = foreignPart(target, places, json);
    if (takesOver) return denied('HIGHER_RIGHTS');
    return foreign ? { kind: 'as unknown', place: foreign } : asOwner;
  }
  if (!isSelf) return denied();
  if (method.name === 'DeleteUser' && has(caller, 'user.self.delete', target.organizationId)) return asOwner;
  if (!access.self) return denied();
  return onSelf(caller, json);
}

/** Of an organization whose users the caller may change: of no other one, and of none who may do more than he. */
function onItsUser(world: World, { method, caller, json, places }: Cell, organizationId: string): Verdict {
  const target = world.people.get(textOf(json.userId));
  const named = places.find(({ kind }) => kind === 'user');
  if (!named) throw new Error(`${method.name} names no user`);
  // What is read of a machine is refused in words of its own, to the owner too.
  const meant = target?.organizationId === organizationId && (target.type === 'human' || method.name.startsWith('Get'));
  if (!meant) return { kind: 'as unknown', place: named };
  const takesOver = touchesCredentials(method, json) && target.id !== caller.id && isHigher(world, target, caller);
  if (takesOver) return denied('HIGHER_RIGHTS');
  const foreign = foreignPart(target, places, json);
  return foreign ? { kind: 'as unknown', place: foreign } : asOwner;
}

/**
 * A call that a proof opens. Every proof in the matrix is right: whoever brings it is let in, whatever he may else. What
 * a wrong one is answered is a test of its own.
 */
function onProof(world: World, cell: Cell, { otherwise }: Access & { on: 'proof' }): Verdict {
  const { caller, json } = cell;
  const proven = ['verificationCode', 'currentPassword', 'publicKeyCredential', 'code'].some((proof) => holds(json, proof));
  if (!proven && otherwise) return onUser(world, cell, { on: 'user', ...otherwise });
  const target = world.people.get(textOf(json.userId));
  if (target?.type === 'human') {
    const foreign = foreignPart(target, cell.places, json);
    if (!foreign) return asOwner;
    const sees = target.id === caller.id || has(caller, 'user.read', target.organizationId);
    return sees ? { kind: 'as unknown', place: foreign } : hidden('USER_NOT_FOUND');
  }
  return hasEverywhere(caller, 'user.read') ? asOwner : hidden('USER_NOT_FOUND');
}

/** A session is reached by its user, its maker, who brings its token, and who holds the permission where the user lives. */
function onSession({ sessions }: World, { method, caller, json }: Cell, access: Access & { on: 'session' }): Verdict {
  const id = textOf(json.sessionId);
  const session = sessions.get(id);
  const endsAgain = method.name === 'DeleteSession';
  if (!session || (session.ended && !endsAgain)) {
    return endsAgain && !hasEverywhere(caller, 'session.delete') ? hidden('SESSION_NOT_FOUND') : asOwner;
  }
  const { creatorId, userId, organizationId } = session;
  const may = (permission: Permission) =>
    organizationId === null ? hasEverywhere(caller, permission) : has(caller, permission, organizationId);
  // Where a token proves nothing, and where there is none any more, whichever is brought is not looked at.
  const token = access.own && !session.ended ? textOf(json.sessionToken) : '';
  const involved = creatorId === caller.id || userId === caller.id || token === sessionTokenOf(id);
  if (!involved && !may('session.read')) return hidden('SESSION_NOT_FOUND');
  if (token !== '' && token !== sessionTokenOf(id)) return denied('SESSION_TOKEN_WRONG');
  return may(access.permission) || (access.own && involved) ? asOwner : denied();
}

/** A part of somebody else's is no part of his. */
const foreignPart = ({ id, parts }: Person, places: readonly IdPlace[], json: JsonObject): IdPlace | undefined =>
  places.find(({ kind, path }) => {
    const own = isPart(kind) ? parts[kind] : kind === 'link' ? accountOf(id) : undefined;
    return own !== undefined && textOf(at(json, path)) !== own;
  });

const isPart = (kind: IdPlace['kind']): kind is Part => parts.some((part) => part === kind);

/** What nobody does to himself without user.write, on any method: decisions that hold across the whole service. */
function onSelf(caller: Person, json: JsonObject): Verdict {
  if (holds(json, 'isVerified', true) || holds(json, 'returnCode')) return denied('VERIFICATION_NOT_OWN');
  const proven = holds(json, 'currentPassword') || holds(json, 'verificationCode');
  const sets = ['password', 'hashedPassword', 'newPassword'].some((name) => holds(json, name));
  if (sets && !proven && !has(caller, 'user.credential.write', caller.organizationId)) return denied('PASSWORD_PROOF_NEEDED');
  return holds(json, 'metadata') ? denied() : asOwner;
}

function inOrganization(world: World, cell: Cell, permission: Permission, id: string, unknown: Verdict): Verdict {
  const { caller, places, json } = cell;
  const exists = [...world.people.values()].some(({ organizationId }) => organizationId === id);
  if (!exists && hasEverywhere(caller, 'user.read')) return unknown;
  if (!has(caller, permission, id)) {
    return has(caller, 'user.read', id) || has(caller, 'org.read', id) ? denied() : hidden('ORGANIZATION_NOT_FOUND');
  }
  const unseen = places.find((place) => {
    if (place.kind !== 'user' || place.isNew) return false;
    const user = world.people.get(textOf(at(json, place.path)));
    return user && user.id !== caller.id && !has(caller, 'user.read', user.organizationId) && !user.within[id];
  });
  // A filter that names somebody finds him among the members or not at all.
  if (!unseen || cell.method.name.startsWith('List')) return asOwner;
  return { kind: 'as unknown', place: unseen };
}

function chosenOrganization(world: World, { json, header, caller }: Cell): string {
  const named = json.organization;
  const domain = textOf(at(named, ['orgDomain']));
  const byDomain = [world.mine, world.theirs].find((place) => place.domain === domain)?.id ?? domain;
  return textOf(at(named, ['orgId'])) || byDomain || header || caller.organizationId;
}

/** Methods on what only people have. */
const ofPeople = /Email|Phone|Password|Invite|MFA|Passkey|U2F|TOTP|OTP|Recovery|Authentication|IDPLink|Initialization/;

/** Where the request says of which type the user is, one of the other type is not the one that it means. */
function addressedType(method: DescMethod, json: JsonObject): Person['type'] | undefined {
  if (json.human !== undefined || method.name === 'UpdateHumanUser' || ofPeople.test(method.name)) return 'human';
  return json.machine === undefined ? undefined : 'machine';
}

/** An update of nothing. An empty phone is none to UpdateHumanUser; UpdateUser takes the number away. */
const changesNothing = ({ name }: DescMethod, { userId: _, ...rest }: JsonObject): boolean =>
  (name === 'UpdateUser' && isEmpty(rest.human ?? rest.machine) && rest.username === undefined && rest.metadata === undefined) ||
  (name === 'UpdateHumanUser' && Object.entries(rest).every(([part, value]) => part === 'phone' && isEmpty(value)));

const isEmpty = (json: JsonValue | undefined): boolean => isObject(json) && Object.keys(json).length === 0;

const touchesCredentials = ({ name }: DescMethod, json: JsonObject): boolean =>
  /Token|Key|Secret/.test(name) ||
  (ofPeople.test(name) && !/^(List|Get)/.test(name)) ||
  ['email', 'phone', 'password'].some((part) => holds(json, part));

const isHigher = (world: World, target: Person, caller: Person): boolean =>
  [...rightsOf(target, [])].some((permission) => !hasEverywhere(caller, permission)) ||
  [world.mine.id, world.theirs.id].some((id) => [...rightsOf(target, [id])].some((permission) => !has(caller, permission, id)));

/** The rights that a person has everywhere, and in these organizations. */
const rightsOf = ({ instance, within }: Person, organizations: readonly string[]): Set<Permission> =>
  new Set([
    ...instance.flatMap((role) => instanceRoles[role] ?? []),
    ...organizations.flatMap((id) => within[id] ?? []).flatMap((role) => organizationRoles[role] ?? []),
  ]);

const hasEverywhere = (person: Person, permission: Permission): boolean => rightsOf(person, []).has(permission);
const has = (person: Person, permission: Permission, organizationId: string): boolean =>
  rightsOf(person, [organizationId]).has(permission);

/** Whether a name stands anywhere in the request, with this value if one is given. */
function holds(json: JsonValue | undefined, name: string, value?: JsonValue): boolean {
  if (Array.isArray(json)) return json.some((item) => holds(item, name, value));
  if (!isObject(json)) return false;
  return Object.entries(json).some(
    ([key, inner]) => (key === name && (value === undefined || inner === value)) || holds(inner, name, value),
  );
}

export const isObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

export function at(json: JsonValue | undefined, path: readonly (string | number)[]): JsonValue | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return Array.isArray(json) ? json[0] : json;
  if (Array.isArray(json)) return typeof step === 'number' ? at(json[step], rest) : undefined;
  return isObject(json) ? at(json[step], rest) : undefined;
}

export const textOf = (json: JsonValue | undefined): string => (typeof json === 'string' ? json : '');
