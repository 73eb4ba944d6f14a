import { addPersonalAccessToken, listPersonalAccessTokens, removePersonalAccessToken } from '../features/machine/service.ts';
import { findFirstOwner } from '../features/organization/setupRepository.ts';
import { findUserByName } from '../features/user/repository.ts';
import type { App } from '../kernel/call.ts';
import { textKey } from '../kernel/names.ts';
import { maximumLimit } from '../kernel/paging.ts';
import { operatorCall } from '../system.ts';

/** Options that make no sense; the message says what would. */
export class TokenUsage extends Error {
  override name = 'TokenUsage';
}

type Options = Record<string, string | undefined>;

export async function createToken(app: App, { user, expires = '90d' }: Options): Promise<string> {
  const expiresAt = expiration(expires, app.clock());
  const { token } = await addPersonalAccessToken(operatorCall(app), await idOf(app, user), expiresAt);
  return token;
}

export async function listTokens(app: App, { user }: Options): Promise<string> {
  const userId = await idOf(app, user);
  const page = { offset: 0, limit: maximumLimit, ascending: true };
  const { rows, total } = await listPersonalAccessTokens(operatorCall(app), {
    filters: [{ field: 'userId', id: userId }],
    sort: 'createdAt',
    page,
  });
  const lines = rows.map(
    ({ id, createdAt, expiresAt }) => `${id}  created ${createdAt.toISOString()}  expires ${expiresAt.toISOString()}`,
  );
  return total === 0 ? 'The user has no tokens.' : lines.join('\n');
}

export async function removeToken(app: App, { user, id }: Options): Promise<string> {
  if (!id) throw new TokenUsage('Say which token: --id TOKEN_ID, from "token list".');
  await removePersonalAccessToken(operatorCall(app), await idOf(app, user), id);
  return `The token ${id} has ended.`;
}

async function idOf({ db }: App, user: string | undefined): Promise<string> {
  if (user === undefined) {
    const owner = await findFirstOwner(db);
    if (!owner) throw new TokenUsage('The instance has no machine user that owns it. Name a user: --user ID_OR_NAME.');
    return owner;
  }
  return (await findUserByName(db, textKey(user.trim())))?.id ?? user;
}

const units: Record<string, number> = { h: 3_600_000, d: 86_400_000 };

/** `12h`, `90d`, or a date in UTC. */
function expiration(text: string, now: Date): Date {
  const [, amount, unit = ''] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  if (amount !== undefined) return new Date(now.getTime() + Number(amount) * (units[unit] ?? 0));
  const date = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new TokenUsage(`--expires ${text}: write a time such as 12h or 90d, or a date such as 2027-01-31.`);
}
