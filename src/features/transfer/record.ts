import type { UserRow } from '../../kernel/call.ts';

/** A value as text, or bytes that are no text in base64. */
export type MetadataValue = string | { base64: string };

export interface IdpLink {
  idpId: string;
  userId: string;
  userName: string;
}

/** The ids that identity providers have here, by what the other system calls them. */
export type Providers = ReadonlyMap<string, string>;

/** What a line of a file says of a user: the format of import, export and converters (docs/import.md). */
export interface UserRecord {
  type: UserRow['type'];
  userId?: string | undefined;
  organizationId?: string | undefined;
  username?: string | undefined;
  state?: UserRow['state'] | undefined;
  createdAt?: Date | undefined;
  metadata?: Record<string, MetadataValue> | undefined;

  givenName?: string | undefined;
  familyName?: string | undefined;
  nickName?: string | undefined;
  displayName?: string | undefined;
  preferredLanguage?: string | undefined;
  gender?: UserRow['gender'] | undefined;
  email?: string | undefined;
  emailVerified?: boolean | undefined;
  phone?: string | undefined;
  phoneVerified?: boolean | undefined;
  password?: string | undefined;
  passwordHash?: string | undefined;
  passwordChangeRequired?: boolean | undefined;
  passwordChangedAt?: Date | undefined;
  totpSecret?: string | undefined;
  idpLinks?: readonly IdpLink[] | undefined;

  name?: string | undefined;
  description?: string | undefined;
  accessTokenType?: UserRow['accessTokenType'] | undefined;
}

const fieldsOfAll = ['type', 'userId', 'organizationId', 'username', 'state', 'createdAt', 'metadata'] as const;

const fieldsOfHuman = [
  ...['givenName', 'familyName', 'nickName', 'displayName', 'preferredLanguage', 'gender'],
  ...['email', 'emailVerified', 'phone', 'phoneVerified'],
  ...['password', 'passwordHash', 'passwordChangeRequired', 'passwordChangedAt', 'totpSecret', 'idpLinks'],
] as const;

const fieldsOfMachine = ['name', 'description', 'accessTokenType'] as const;

export const fieldsOf: Record<UserRow['type'], ReadonlySet<string>> = {
  human: new Set([...fieldsOfAll, ...fieldsOfHuman]),
  machine: new Set([...fieldsOfAll, ...fieldsOfMachine]),
};

/** Bytes of a line, its end not counted. */
export const maximumLine = 1_048_576;

/** The line of a record, with its end. */
export const lineOf = (record: UserRecord): string => `${JSON.stringify(record)}\n`;
