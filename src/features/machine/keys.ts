import { reach } from '../../kernel/auth/caller.ts';
import { type Call, transaction } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { findUser, lockUser } from '../user/repository.ts';
import { authorizeHolder, authorizeMachine } from './access.ts';
import { type CredentialList, type CredentialSearch, deleteCredential, insertKey, listCredentials } from './repository.ts';
import { makePair, readPublicKey } from './rsa.ts';

export interface NewKey {
  id: string;
  userId: string;
  /** In PEM, which nobody is told again; undefined where the caller has kept it from us. */
  privateKey: string | undefined;
  expiresAt: Date;
  createdAt: Date;
}

/**
 * Adds the public key that is given, in PEM, or where it is empty that of a new pair. EXPIRATION_PAST, PUBLIC_KEY_INVALID,
 * KEYS_BUSY, HASHING_BUSY, and what `authorizeMachine` refuses with.
 */
export async function addKey(call: Call, userId: string, expiresAt: Date, given: Uint8Array): Promise<NewKey> {
  if (expiresAt <= call.now) throw invalidField('EXPIRATION_PAST', 'expiration_date');
  const { publicKey, privateKey } = given.length > 0 ? readPublicKey(given) : await pairFor(call, userId);
  return transaction(call, async (tx) => {
    await authorizeMachine(tx, await lockUser(tx, userId));
    const id = tx.ids.next();
    await record(tx, userId, { type: 'key.added', keyId: id });
    await insertKey(tx, { id, userId, publicKey, expiresAt, createdAt: tx.now, changedAt: tx.now });
    return { id, userId, privateKey, expiresAt, createdAt: tx.now };
  });
}

/** A pair takes a tenth of a second: nobody's row is locked for so long, and nobody gets one made who may not add it. */
async function pairFor(call: Call, userId: string) {
  await authorizeMachine(call, await findUser(call.db, userId));
  return makePair();
}

/** Returns when the key ended. */
export async function removeKey(call: Call, userId: string, keyId: string): Promise<Date> {
  return transaction(call, async (tx) => {
    await authorizeHolder(tx, await lockUser(tx, userId));
    if (!(await deleteCredential(tx, 'key', userId, keyId))) throw failure('KEY_NOT_FOUND');
    const { changedAt } = await record(tx, userId, { type: 'key.removed', keyId });
    return changedAt;
  });
}

/** The keys of the users that the caller may read, and his own. */
export function listKeys({ db, caller }: Call, search: CredentialSearch): Promise<CredentialList> {
  return listCredentials(db, 'key', { userId: caller.id, readable: reach(caller, 'user.read') }, search);
}
