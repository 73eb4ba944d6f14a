// From a realm export of Keycloak: its UserRepresentation.
import {
  type Converted,
  entriesOf,
  knownLinks,
  type Loss,
  list,
  member,
  names,
  tellMissingEmail,
  text,
  timeOf,
} from './foreign.ts';
import { credentialsOf } from './keycloakCredentials.ts';
import type { Providers, UserRecord } from './record.ts';

export function fromKeycloak(user: unknown, providers: Providers): Converted {
  const losses: Loss[] = [];
  const client = text(user, 'serviceAccountClientId');
  const common = {
    userId: text(user, 'id'),
    username: text(user, 'username'),
    state: member(user, 'enabled') === false ? ('inactive' as const) : undefined,
    createdAt: timeOf(member(user, 'createdTimestamp')),
  };
  tellUncarried(user, losses);
  const record: UserRecord =
    client === undefined
      ? { type: 'human', ...common, ...personOf(user, providers, losses) }
      : { type: 'machine', ...common, ...attributesOf(user, []), name: client };
  if (client !== undefined) losses.push({ what: 'secret', message: `The secret of the client ${client} is not in the export.` });
  return { record, losses };
}

function personOf(user: unknown, providers: Providers, losses: Loss[]): Partial<UserRecord> {
  const email = text(user, 'email');
  tellMissingEmail(email, losses);
  const links = list(user, 'federatedIdentities').map((link) => {
    const userId = text(link, 'userId') ?? '';
    return { provider: text(link, 'identityProvider') ?? '', userId, userName: text(link, 'userName') ?? userId };
  });
  const actions = list(user, 'requiredActions');
  const credentials = credentialsOf(list(user, 'credentials'), losses);
  const phone = attribute(user, 'phoneNumber');
  return {
    ...names(text(user, 'firstName'), text(user, 'lastName'), text(user, 'username') ?? email ?? '', losses),
    nickName: attribute(user, 'nickname'),
    preferredLanguage: attribute(user, 'locale'),
    email,
    emailVerified: member(user, 'emailVerified') === true,
    phone,
    phoneVerified: phone === undefined ? undefined : attribute(user, 'phoneNumberVerified') === 'true',
    ...credentials,
    passwordChangeRequired: credentials.passwordHash !== undefined && actions.includes('UPDATE_PASSWORD') ? true : undefined,
    idpLinks: knownLinks(links, providers, losses),
    ...attributesOf(user, ['nickname', 'locale', 'phoneNumber', 'phoneNumberVerified']),
  };
}

/** An attribute with one value. */
function attribute(user: unknown, name: string): string | undefined {
  const values = list(member(user, 'attributes'), name);
  const [value] = values;
  return values.length === 1 && typeof value === 'string' && value !== '' ? value : undefined;
}

/** Attributes as metadata: one value as the text that it is, several as a JSON list. Those that became fields are not repeated. */
function attributesOf(user: unknown, fields: readonly string[]): Pick<UserRecord, 'metadata'> {
  const entries = entriesOf(member(user, 'attributes')).flatMap(([key, values]): [string, string][] => {
    if (fields.includes(key) && attribute(user, key) !== undefined) return [];
    if (!Array.isArray(values) || values.length === 0) return [];
    const value = values.length === 1 ? String(values[0]) : JSON.stringify(values);
    return value === '' ? [] : [[key, value]];
  });
  return entries.length > 0 ? { metadata: Object.fromEntries(entries) } : {};
}

/** Roles that everybody has say nothing. */
const everybodys = /^(default-roles-.*|offline_access|uma_authorization)$/;

function tellUncarried(user: unknown, losses: Loss[]): void {
  const ofRealm = list(user, 'realmRoles').filter((role) => !everybodys.test(String(role)));
  const ofClients = entriesOf(member(user, 'clientRoles')).filter(([client]) => client !== 'account');
  const roles = [...ofRealm, ...ofClients.map(([client, names]) => `${client}: ${JSON.stringify(names)}`)];
  if (roles.length > 0) losses.push({ what: 'roles', message: `Roles are not carried over: ${roles.join(', ')}.` });
  const groups = list(user, 'groups');
  if (groups.length > 0) losses.push({ what: 'groups', message: `Groups are not carried over: ${groups.join(', ')}.` });
  const actions = list(user, 'requiredActions').filter((action) => action !== 'UPDATE_PASSWORD');
  if (actions.length > 0) losses.push({ what: 'requiredActions', message: `Not carried over: ${actions.join(', ')}.` });
}
