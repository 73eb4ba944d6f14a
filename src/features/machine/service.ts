// Owns: the personal access tokens of machines. Leaves what a token looks like, and whether one may be used, to
// kernel/auth/tokens.ts.
import { authorize } from '../../kernel/auth/authorize.ts';
import { reach } from '../../kernel/auth/caller.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import { newToken, tokenHash } from '../../kernel/auth/tokens.ts';
import { type Call, transaction } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { deleteToken, insertToken, type ListedToken, listRows, type TokenSearch } from './repository.ts';

export interface NewToken {
  id: string;
  /** The token itself, which nobody is told again. */
  token: string;
  createdAt: Date;
}

/** Who holds a machine's token is that machine: so the caller needs all the rights that the machine has. */
export async function addPersonalAccessToken(call: Call, userId: string, expiresAt: Date): Promise<NewToken> {
  if (expiresAt <= call.now) throw invalidField('EXPIRATION_PAST', 'expiration_date');
  return transaction(call, async (tx) => {
    const user = authorize(tx, await lockUser(tx, userId), { unknown: 'USER_UNKNOWN' });
    await refuseHigherRights(tx, userId);
    if (user.type !== 'machine') throw failure('USER_NOT_MACHINE');
    const id = tx.ids.next();
    const token = newToken();
    await record(tx, userId, { type: 'token.added', tokenId: id });
    await insertToken(tx, { id, userId, hash: tokenHash(tx.keys, token), expiresAt, createdAt: tx.now, changedAt: tx.now });
    return { id, token, createdAt: tx.now };
  });
}

/** Returns when the token ended. */
export async function removePersonalAccessToken(call: Call, userId: string, tokenId: string): Promise<Date> {
  return transaction(call, async (tx) => {
    authorize(tx, await lockUser(tx, userId));
    await refuseHigherRights(tx, userId);
    if (!(await deleteToken(tx, userId, tokenId))) throw failure('TOKEN_NOT_FOUND');
    const { changedAt } = await record(tx, userId, { type: 'token.removed', tokenId });
    return changedAt;
  });
}

export interface TokenList {
  rows: ListedToken[];
  total: number;
}

/** The tokens of the users that the caller may read, and his own. */
export function listPersonalAccessTokens({ db, caller }: Call, search: TokenSearch): Promise<TokenList> {
  return listRows(db, { userId: caller.id, readable: reach(caller, 'user.read') }, search);
}
