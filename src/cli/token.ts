import { addPersonalAccessToken, listPersonalAccessTokens, removePersonalAccessToken } from '../features/machine/service.ts';
import { findFirstOwner } from '../features/organization/setupRepository.ts';
import { findUser, findUserByName } from '../features/user/repository.ts';
import type { App } from '../kernel/call.ts';
import { textKey } from '../kernel/names.ts';
import { maximumLimit } from '../kernel/paging.ts';
import { operatorCall } from '../system.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';

const user = { value: 'ID_OR_NAME', help: 'the user; the first owner of the instance when left out' };

export const tokenCommands: readonly Command[] = [
  {
    name: 'token create',
    help: 'make a personal access token of a machine user and print it; it is shown this once',
    options: {
      user,
      expires: { value: 'WHEN', help: 'how long it holds, such as 12h, 90d or 2027-01-31; 90d when left out' },
    },
    run: createToken,
  },
  { name: 'token list', help: 'the tokens of a machine user: id, creation, expiration', options: { user }, run: listTokens },
  {
    name: 'token remove',
    help: 'end a token; its next call is refused',
    options: { user, id: { value: 'TOKEN_ID', help: 'which one' } },
    run: removeToken,
  },
];

async function createToken({ open, print }: Operator, { user, expires = '90d' }: Given): Promise<number> {
  const app = await open();
  const expiresAt = expiration(expires, app.clock());
  const { token } = await addPersonalAccessToken(operatorCall(app), await idOf(app, user), expiresAt);
  print(token);
  return 0;
}

async function listTokens({ open, print }: Operator, { user }: Given): Promise<number> {
  const app = await open();
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
  print(total === 0 ? 'The user has no tokens.' : lines.join('\n'));
  return 0;
}

async function removeToken({ open, print }: Operator, { user, id }: Given): Promise<number> {
  if (!id) throw new Usage('Say which token: --id TOKEN_ID, from "token list".');
  const app = await open();
  await removePersonalAccessToken(operatorCall(app), await idOf(app, user), id);
  print(`The token ${id} has ended.`);
  return 0;
}

async function idOf({ db }: App, user: string | undefined): Promise<string> {
  if (user === undefined) {
    const owner = await findFirstOwner(db);
    if (!owner) throw new Usage('The instance has no machine user that owns it. Name a user: --user ID_OR_NAME.');
    return owner;
  }
  const found = (await findUserByName(db, textKey(user.trim()))) ?? (await findUser(db, user));
  if (!found) throw new Usage(`There is no user "${user}". Name one by id or username: --user ID_OR_NAME.`);
  return found.id;
}

const units: Record<string, number> = { h: 3_600_000, d: 86_400_000 };

/** `12h`, `90d`, or a date in UTC. */
function expiration(text: string, now: Date): Date {
  const [, amount, unit = ''] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  if (amount !== undefined) return new Date(now.getTime() + Number(amount) * (units[unit] ?? 0));
  const date = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new Usage(`--expires ${text}: write a time such as 12h or 90d, or a date such as 2027-01-31.`);
}
