import { authorize, type Options } from '../../kernel/auth/authorize.ts';
import { refuseHigherRights } from '../../kernel/auth/privileges.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { countTry, type Guessed, settleTry } from '../../kernel/guessing.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Changed, personOf, withDetails } from './person.ts';
import { lockUser } from './repository.ts';

interface Try {
  options: Options;
  kind: Guessed;
  /** Told of a wrong one. */
  wrong: Reason;
  /** Whether the secret is right; what it changes is kept then. Throws what is wrong with the state. */
  look: (tx: Tx, user: UserRow) => Promise<boolean>;
}

/** One try at a secret, for a caller who may change the person: counted before it is looked at, and kept when it is wrong. */
export async function tryOnce(call: Call, userId: string, { options, kind, wrong, look }: Try): Promise<Changed<object>> {
  const done = await transaction(call, async (tx) => {
    const user = authorize(tx, personOf(await lockUser(tx, userId)), options);
    await refuseHigherRights(tx, userId);
    const guess = { userId, kind, user };
    await countTry(tx, guess);
    const right = await look(tx, user);
    await settleTry(tx, guess, right);
    return right ? withDetails(tx, user, {}) : undefined;
  });
  // Thrown after the commit: a rollback here would forget the failed attempt.
  if (!done) throw failure(wrong);
  return done;
}
