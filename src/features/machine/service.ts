// Owns: what machines authenticate with: personal access tokens (here), keys (keys.ts) and a secret (secret.ts). Leaves
// what a token looks like, and whether one may be used, to kernel/auth/tokens.ts.
import { reach } from '../../kernel/auth/caller.ts';
import { newToken, tokenHash } from '../../kernel/auth/tokens.ts';
import { type Call, transaction } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { authorizeHolder, authorizeMachine } from './access.ts';
import { type CredentialList, type CredentialSearch, deleteCredential, insertToken, listCredentials } from './repository.ts';

export interface NewToken {
  id: string;
  /** The token itself, which nobody is told again. */
  token: string;
  createdAt: Date;
}

export async function addPersonalAccessToken(call: Call, userId: string, expiresAt: Date): Promise<NewToken> {
  if (expiresAt <= call.now) throw invalidField('EXPIRATION_PAST', 'expiration_date');
  return transaction(call, async (tx) => {
    await authorizeMachine(tx, await lockUser(tx, userId));
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
    await authorizeHolder(tx, await lockUser(tx, userId));
    if (!(await deleteCredential(tx, 'token', userId, tokenId))) throw failure('TOKEN_NOT_FOUND');
    const { changedAt } = await record(tx, userId, { type: 'token.removed', tokenId });
    return changedAt;
  });
}

/** The tokens of the users that the caller may read, and his own. */
export function listPersonalAccessTokens({ db, caller }: Call, search: CredentialSearch): Promise<CredentialList> {
  return listCredentials(db, 'token', { userId: caller.id, readable: reach(caller, 'user.read') }, search);
}
