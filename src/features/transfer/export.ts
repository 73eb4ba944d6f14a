import { isUtf8 } from 'node:buffer';
import { organizationExists } from '../../kernel/auth/organizations.ts';
import type { Call, UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { openSecret } from '../totp/service.ts';
import { type Belongings, findBelongings, inSnapshot, nextUsers, type Selection } from './exportRepository.ts';
import type { IdpLink, MetadataValue, UserRecord } from './record.ts';

export interface ExportOptions {
  selection: Selection;
  metadata: boolean;
  /** Password hashes and TOTP secrets. */
  secrets: boolean;
}

/** Users whose belongings are in memory at once. */
const pageSize = 250;

/**
 * Gives all selected users as they were at one moment, some at a time, to `write`; returns how many there were.
 * USER_NOT_FOUND, ORGANIZATION_NOT_FOUND.
 */
export function exportUsers(
  call: Call,
  { selection, ...wanted }: ExportOptions,
  write: (records: readonly UserRecord[]) => Promise<void>,
): Promise<number> {
  return inSnapshot(call, async (db) => {
    if (selection.of === 'organization' && !(await organizationExists(db, selection.id))) throw failure('ORGANIZATION_NOT_FOUND');
    let total = 0;
    let behind = '';
    for (;;) {
      const users = await nextUsers(db, selection, behind, pageSize);
      const last = users.at(-1);
      if (!last) break;
      const ids = users.map(({ id }) => id);
      await write(recordsOf(call, selection, users, await findBelongings(db, ids, wanted)));
      total += users.length;
      behind = last.id;
    }
    if (selection.of === 'user' && total === 0) throw failure('USER_NOT_FOUND');
    return total;
  });
}

function recordsOf(
  call: Call,
  { of }: Selection,
  users: readonly UserRow[],
  { metadata, passwords, totps, links }: Belongings,
): UserRecord[] {
  const entries = Map.groupBy(metadata, ({ userId }) => userId);
  const hashes = new Map(passwords.map(({ userId, hash }) => [userId, hash]));
  const secrets = new Map(totps.map((totp) => [totp.userId, openSecret(call, totp)]));
  const accounts = Map.groupBy(links, ({ userId }) => userId);
  return users.map((user) => ({
    ...recordOf(user),
    // Where they all are of one organization, they can go into any.
    ...(of === 'organization' && { organizationId: undefined }),
    ...passwordOf(user, hashes.get(user.id)),
    totpSecret: secrets.get(user.id),
    idpLinks: accounts.get(user.id)?.map(linkOf),
    metadata: metadataOf(entries.get(user.id) ?? []),
  }));
}

/** What is empty, or as it would be without being said, is left out. */
function recordOf(user: UserRow): UserRecord {
  const { id: userId, type, organizationId, username, state, createdAt } = user;
  const common = { type, userId, organizationId, username, state, createdAt };
  if (type === 'machine') {
    const { name, description, accessTokenType } = user;
    return { ...common, name, description: description || undefined, accessTokenType };
  }
  const { givenName, familyName, nickName, displayName, preferredLanguage, gender } = user;
  const { email, emailVerified, phone, phoneVerified } = user;
  return {
    ...{ ...common, givenName, familyName, nickName: nickName || undefined, displayName },
    preferredLanguage: preferredLanguage === 'und' ? undefined : preferredLanguage,
    gender: gender === 'unspecified' ? undefined : gender,
    ...{ email, emailVerified },
    ...(phone !== '' && { phone, phoneVerified }),
  };
}

function passwordOf({ passwordChangeRequired, passwordChangedAt }: UserRow, hash: string | undefined): Partial<UserRecord> {
  if (hash === undefined) return {};
  return { passwordHash: hash, passwordChangeRequired, passwordChangedAt: passwordChangedAt ?? undefined };
}

const linkOf = ({ providerId, externalId, userName }: Belongings['links'][number]): IdpLink => ({
  idpId: providerId,
  userId: externalId,
  userName,
});

function metadataOf(entries: Belongings['metadata']): UserRecord['metadata'] {
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(({ key, value }) => [key, metadataValue(value)]));
}

const metadataValue = (value: Buffer): MetadataValue =>
  isUtf8(value) ? value.toString('utf8') : { base64: value.toString('base64') };
