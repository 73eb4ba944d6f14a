// From an export or an import file of Auth0.
import { auth0HashOf } from './auth0Password.ts';
import {
  type Converted,
  entriesOf,
  isObject,
  knownLinks,
  type Loss,
  list,
  member,
  names,
  tellMissingEmail,
  text,
  timeOf,
} from './foreign.ts';
import type { Providers, UserRecord } from './record.ts';

/** What tells nothing about a user that could be kept. */
const passing = [
  ...['_tmp_is_unique', 'tenant', 'connection', 'client_id', 'last_ip', 'last_login', 'logins_count', 'updated_at'],
  ...['last_password_reset', 'multifactor_last_modified', 'guardian_authenticators', 'identifiers', 'version'],
];

const carried = [
  ...['user_id', '_id', 'email', 'email_verified', 'username', 'given_name', 'family_name', 'name', 'nickname', 'picture'],
  ...['phone_number', 'phone_verified', 'blocked', 'created_at', 'locale', 'user_metadata', 'app_metadata', 'identities'],
  ...['custom_password_hash', 'passwordHash', 'password_hash', 'password_set_date', 'mfa_factors', 'multifactor'],
];

export function fromAuth0(user: unknown, providers: Providers): Converted {
  const losses: Loss[] = [];
  const email = text(user, 'email');
  tellMissingEmail(email, losses);
  const name = text(user, 'name');
  const phone = text(user, 'phone_number');
  const passwordHash = auth0HashOf(user, losses);
  const record: UserRecord = {
    type: 'human',
    userId: idOf(user),
    username: text(user, 'username'),
    state: member(user, 'blocked') === true ? 'inactive' : undefined,
    createdAt: timeOf(dateOf(member(user, 'created_at'))),
    ...names(text(user, 'given_name'), text(user, 'family_name'), name ?? text(user, 'username') ?? email ?? '', losses),
    nickName: text(user, 'nickname'),
    displayName: name,
    preferredLanguage: text(user, 'locale'),
    email,
    emailVerified: member(user, 'email_verified') === true,
    phone,
    phoneVerified: phone === undefined ? undefined : member(user, 'phone_verified') === true,
    passwordHash,
    passwordChangedAt: passwordHash === undefined ? undefined : timeOf(dateOf(member(user, 'password_set_date'))),
    totpSecret: totpOf(user, losses),
    idpLinks: knownLinks(linksOf(user), providers, losses),
    metadata: metadataOf(user),
  };
  for (const [field] of entriesOf(user))
    if (!carried.includes(field) && !passing.includes(field))
      losses.push({ what: field, message: `The field ${field} is not carried over.` });
  return { record, losses };
}

/** A file with hashes names its users by the id within their connection. */
function idOf(user: unknown): string | undefined {
  const inner = text(member(user, '_id'), '$oid') ?? text(user, '_id');
  return text(user, 'user_id') ?? (inner === undefined ? undefined : `auth0|${inner}`);
}

/** A date, or how MongoDB writes one. */
const dateOf = (value: unknown): unknown => (isObject(value) ? member(value, '$date') : value);

function linksOf(user: unknown) {
  const foreign = list(user, 'identities').filter((identity) => text(identity, 'provider') !== 'auth0');
  return foreign.map((identity) => {
    const userId = String(member(identity, 'user_id'));
    const profile = member(identity, 'profileData');
    const provider = text(identity, 'connection') ?? text(identity, 'provider') ?? '';
    return { provider, userId, userName: text(profile, 'email') ?? text(profile, 'name') ?? userId };
  });
}

function totpOf(user: unknown, losses: Loss[]): string | undefined {
  let secret: string | undefined;
  for (const factor of list(user, 'mfa_factors')) {
    const [kind = 'unknown'] = entriesOf(factor).map(([name]) => name);
    const found = secret === undefined ? text(member(factor, 'totp'), 'secret') : undefined;
    if (found === undefined) losses.push({ what: 'mfa', message: `A second factor (${kind}) is not carried over.` });
    else secret = found;
  }
  const enrolled = list(user, 'multifactor');
  if (enrolled.length > 0 && secret === undefined)
    losses.push({ what: 'mfa', message: `Second factors are not in the export: ${enrolled.join(', ')}.` });
  return secret;
}

/** Both kinds of metadata under their names, and the picture. What is no text is written as JSON. */
function metadataOf(user: unknown): UserRecord['metadata'] {
  const nested = ['user_metadata', 'app_metadata'].flatMap((kind) =>
    entriesOf(member(user, kind)).map(([key, value]) => [`${kind}.${key}`, value] as const),
  );
  const entries = [...nested, ['picture', member(user, 'picture')] as const]
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
