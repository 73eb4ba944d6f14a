import { type Call, transaction } from '../../kernel/call.ts';
import { lettersDigits, randomText } from '../../kernel/codes/random.ts';
import { type Keys, keyedHash } from '../../kernel/crypto/keys.ts';
import { failure } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { authorizeMachine } from './access.ts';
import { deleteSecret, putSecret } from './repository.ts';

/** Characters; 381 bits. */
export const secretLength = 64;

/** Bound to the machine: the secret of another one never matches. */
export const secretHash = (keys: Keys, userId: string, secret: string): Buffer =>
  keyedHash(keys.secret, JSON.stringify([userId, secret]));

export interface NewSecret {
  /** Nobody is told again. */
  secret: string;
  createdAt: Date;
}

/** Makes the machine's one secret, in place of an older one. Throws what `authorizeMachine` refuses with. */
export async function addSecret(call: Call, userId: string): Promise<NewSecret> {
  return transaction(call, async (tx) => {
    await authorizeMachine(tx, await lockUser(tx, userId));
    const secret = randomText(lettersDigits, secretLength);
    await record(tx, userId, { type: 'secret.added' }, { hasSecret: true });
    await putSecret(tx, { userId, hash: secretHash(tx.keys, userId, secret) });
    return { secret, createdAt: tx.now };
  });
}

/** Returns when the secret ended. SECRET_ABSENT, and what `authorizeMachine` refuses with. */
export async function removeSecret(call: Call, userId: string): Promise<Date> {
  return transaction(call, async (tx) => {
    await authorizeMachine(tx, await lockUser(tx, userId));
    if (!(await deleteSecret(tx, userId))) throw failure('SECRET_ABSENT');
    const { changedAt } = await record(tx, userId, { type: 'secret.removed' }, { hasSecret: false });
    return changedAt;
  });
}
