import { type SQL, sql } from 'drizzle-orm';
import { users } from '../../kernel/db/schema.ts';
import type { ShownUser } from '../user/convertUser.ts';

const names = [
  'id',
  'organizationId',
  'type',
  'state',
  'sequence',
  'createdAt',
  'changedAt',
  'username',
  'givenName',
  'familyName',
  'nickName',
  'displayName',
  'preferredLanguage',
  'gender',
  'email',
  'emailVerified',
  'phone',
  'phoneVerified',
  'avatarKey',
  'passwordChangeRequired',
  'passwordChangedAt',
  'mfaInitSkippedAt',
  'name',
  'description',
  'accessTokenType',
  'hasSecret',
] as const;

/** What a list shows of a user. */
export const shownColumns: SQL = sql.join(
  names.map((name) => sql`${users[name]}`),
  sql`, `,
);

/** The user in the values of `shownColumns`, which stand in `row` from `at` on. */
export function shownUser(row: readonly unknown[], at: number): ShownUser;
export function shownUser(row: readonly unknown[], at: number): Record<keyof ShownUser, unknown> {
  return {
    id: row[at],
    organizationId: row[at + 1],
    type: row[at + 2],
    state: row[at + 3],
    sequence: row[at + 4],
    createdAt: row[at + 5],
    changedAt: row[at + 6],
    username: row[at + 7],
    givenName: row[at + 8],
    familyName: row[at + 9],
    nickName: row[at + 10],
    displayName: row[at + 11],
    preferredLanguage: row[at + 12],
    gender: row[at + 13],
    email: row[at + 14],
    emailVerified: row[at + 15],
    phone: row[at + 16],
    phoneVerified: row[at + 17],
    avatarKey: row[at + 18],
    passwordChangeRequired: row[at + 19],
    passwordChangedAt: row[at + 20],
    mfaInitSkippedAt: row[at + 21],
    name: row[at + 22],
    description: row[at + 23],
    accessTokenType: row[at + 24],
    hasSecret: row[at + 25],
  };
}
