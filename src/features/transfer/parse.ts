import { decodeBase64 } from '../../kernel/crypto/hashes/encoding.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { isAddress, type Limit, limits } from './convert.ts';
import { fieldsOf, type IdpLink, type MetadataValue, type UserRecord } from './record.ts';

type Fields = ReadonlyMap<string, unknown>;

/**
 * The record that an object describes, as strict as the definitions of the RPCs: what they would refuse is refused with
 * their reason. `null` counts as absent. FIELD_UNKNOWN, FIELD_WRONG, FIELD_MISSING, INVALID_REQUEST, PASSWORD_TWICE.
 */
export function parseRecord(object: object): UserRecord {
  const fields: Fields = new Map(Object.entries(object).filter(([, value]) => value !== null));
  const type = choice(fields, 'type', ['human', 'machine']) ?? 'human';
  for (const field of fields.keys()) if (!fieldsOf[type].has(field)) throw invalidField('FIELD_UNKNOWN', field, { type, field });
  const common = {
    type,
    userId: text(fields, 'userId'),
    organizationId: text(fields, 'organizationId'),
    username: text(fields, 'username'),
    state: choice(fields, 'state', ['active', 'inactive', 'locked']),
    createdAt: time(fields, 'createdAt'),
    metadata: metadata(fields),
  };
  return { ...common, ...(type === 'human' ? parseHuman(fields) : parseMachine(fields)) };
}

function parseMachine(fields: Fields): Partial<UserRecord> {
  return {
    name: needed(text(fields, 'name'), 'name'),
    // An empty one is none, as it was on the machine that was exported.
    description: fields.get('description') === '' ? undefined : text(fields, 'description'),
    accessTokenType: choice(fields, 'accessTokenType', ['bearer', 'jwt']),
  };
}

function parseHuman(fields: Fields): Partial<UserRecord> {
  return {
    givenName: needed(text(fields, 'givenName'), 'givenName'),
    familyName: needed(text(fields, 'familyName'), 'familyName'),
    nickName: text(fields, 'nickName'),
    displayName: text(fields, 'displayName'),
    preferredLanguage: text(fields, 'preferredLanguage'),
    gender: choice(fields, 'gender', ['unspecified', 'female', 'male', 'diverse']),
    email: address(needed(text(fields, 'email'), 'email')),
    emailVerified: flag(fields, 'emailVerified'),
    phone: text(fields, 'phone'),
    phoneVerified: flag(fields, 'phoneVerified'),
    ...parsePassword(fields),
    totpSecret: text(fields, 'totpSecret'),
    idpLinks: links(fields),
  };
}

function parsePassword(fields: Fields): Partial<UserRecord> {
  const password = text(fields, 'password');
  const passwordHash = text(fields, 'passwordHash');
  const passwordChangeRequired = flag(fields, 'passwordChangeRequired');
  const passwordChangedAt = time(fields, 'passwordChangedAt');
  if (password !== undefined && passwordHash !== undefined) throw invalidField('PASSWORD_TWICE', 'passwordHash');
  const speaksOfOne = passwordChangeRequired || passwordChangedAt !== undefined;
  if (speaksOfOne && password === undefined) needed(passwordHash, 'passwordHash');
  return { password, passwordHash, passwordChangeRequired, passwordChangedAt };
}

function needed<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField('FIELD_MISSING', field, { field });
  return value;
}

const wrong = (field: string, expected: string) => invalidField('FIELD_WRONG', field, { field, expected });

/** A broken rule of the definitions. */
function broken(field: string, description: string) {
  const violation = { field, description };
  return failure('INVALID_REQUEST', { metadata: { violation: `${field}: ${description}` }, violations: [violation] });
}

type TextField = keyof typeof limits & keyof UserRecord;

function text(fields: Fields, name: TextField): string | undefined {
  const value = fields.get(name);
  return value === undefined ? undefined : checkedText(value, name, limits[name]);
}

function checkedText(value: unknown, field: string, { least, most }: Limit): string {
  if (typeof value !== 'string') throw wrong(field, 'a text');
  // Code points are at most as many as the units of UTF-16, and at least half as many.
  const length = value.length <= most && value.length >= 2 * least ? value.length : Array.from(value).length;
  if (length < least || length > most) throw broken(field, `must be ${least} to ${most} characters long`);
  if (value.includes('\0')) throw broken(field, 'must not contain a NUL character');
  if (!value.isWellFormed()) throw broken(field, 'must be well-formed Unicode');
  return value;
}

function address(email: string): string {
  if (!isAddress(email)) throw broken('email', 'must be an e-mail address');
  return email;
}

function flag(fields: Fields, name: string): boolean | undefined {
  const value = fields.get(name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw wrong(name, 'true or false');
}

function choice<C extends string>(fields: Fields, name: string, choices: readonly C[]): C | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  const chosen = choices.find((candidate) => candidate === value);
  if (chosen === undefined) throw wrong(name, `one of ${choices.join(', ')}`);
  return chosen;
}

/** RFC 3339, with its offset. */
const timePattern = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

function time(fields: Fields, name: string): Date | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  const date = typeof value === 'string' && timePattern.test(value) ? new Date(value) : undefined;
  if (!date || Number.isNaN(date.getTime())) throw wrong(name, 'a time such as 2026-01-31T12:00:00Z');
  if (date.getUTCFullYear() < 1) throw wrong(name, 'a time after the year 0');
  return date;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

function metadata(fields: Fields): UserRecord['metadata'] {
  const value = fields.get('metadata');
  if (value === undefined) return undefined;
  if (!isObject(value)) throw wrong('metadata', 'an object of keys and their values');
  const entries = Object.entries(value).map(([key, entry]) => [
    checkedText(key, 'metadata', limits.metadataKey),
    metadataValue(entry, `metadata.${key}`),
  ]);
  return Object.fromEntries(entries);
}

function metadataValue(value: unknown, field: string): MetadataValue {
  const bytes = bytesOf(value);
  if (!bytes) throw wrong(field, 'a text, or {"base64": "…"} for other bytes');
  if (bytes.length > limits.metadataValue.most) throw broken(field, `must be at most ${limits.metadataValue.most} bytes long`);
  return typeof value === 'string' ? value : { base64: Buffer.from(bytes).toString('base64') };
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? Buffer.from(value) : undefined;
  if (!isObject(value) || !('base64' in value) || typeof value.base64 !== 'string') return undefined;
  return Object.keys(value).length === 1 ? decodeBase64(value.base64) : undefined;
}

function links(fields: Fields): readonly IdpLink[] | undefined {
  const value = fields.get('idpLinks');
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw wrong('idpLinks', 'a list of {idpId, userId, userName}');
  return value.map((entry: unknown, index) => link(entry, `idpLinks[${index}]`));
}

function link(value: unknown, field: string): IdpLink {
  if (!isObject(value)) throw wrong(field, 'an object of idpId, userId and userName');
  const { idpId, userId, userName, ...others } = Object.fromEntries(Object.entries(value));
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalidField('FIELD_UNKNOWN', `${field}.${unknown}`, { type: 'link', field: unknown });
  return {
    idpId: checkedText(needed(idpId, `${field}.idpId`), `${field}.idpId`, limits.idpId),
    userId: checkedText(needed(userId, `${field}.userId`), `${field}.userId`, limits.idpUserId),
    userName: checkedText(needed(userName, `${field}.userName`), `${field}.userName`, limits.idpUserName),
  };
}
