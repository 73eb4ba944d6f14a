import { type SQL, sql } from 'drizzle-orm';
import type { ShownUser } from '../user/convertUser.ts';

/** What a list shows of a user. As text: Drizzle would write each column anew for each page. */
export const shownColumns: SQL = sql`
  users.id, users.organization_id, users.type, users.state, users.sequence, users.created_at, users.changed_at, users.username,
  users.given_name, users.family_name, users.nick_name, users.display_name, users.preferred_language, users.gender,
  users.email, users.email_verified, users.phone, users.phone_verified, users.avatar_key,
  users.password_change_required, users.password_changed_at, users.mfa_init_skipped_at,
  users.name, users.description, users.access_token_type, users.has_secret`;

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
