// What of the checks is looked at before any lock is taken: whom they are about, and what takes long to compute.
import { can } from '../../kernel/auth/caller.ts';
import type { Call, UserRow } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { evenOut } from '../../kernel/evenOut.ts';
import { refuseWhileWaiting, triesOf } from '../../kernel/guessing.ts';
import { textKey } from '../../kernel/names.ts';
import { lookAtNothing, lookAtPassword } from '../password/check.ts';
import { findByNameWithHash, findWithHash, type UserWithHash } from '../password/repository.ts';
import { prepareRecoveryCode } from '../recovery/service.ts';
import type { Checks, Named } from './checks.ts';

/** What the checks can be made with, once the user is locked. */
export interface Prepared {
  /** As he was looked at. */
  user: UserRow | undefined;
  /** The stored hash that the password was right for. */
  passwordHash: string | undefined;
  recoveryHash: Buffer | undefined;
}

/**
 * Looks, and goes on with what was found. USER_NOT_FOUND, USER_LOCKED, USER_NOT_ACTIVE, SESSION_USER_DIFFERENT,
 * SESSION_USER_MISSING, PASSWORD_NOT_SET, PASSWORD_WRONG, TRIED_TOO_OFTEN, HashingBusy. With a password in the call each of
 * these comes in even steps of time, as an unknown name must not be told by it from a wrong password.
 */
export async function prepare<T>(
  call: Call,
  known: string | null,
  checks: Checks,
  goOn: (prepared: Prepared) => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  let isLooking = true;
  const found = async (user: UserRow | undefined, passwordHash?: string) => {
    const recoveryHash = await prepareRecovery(call, user, checks.recoveryCode);
    isLooking = false;
    return goOn({ user, passwordHash, recoveryHash });
  };
  try {
    const person = await findPerson(call, known, checks);
    if (checks.password === undefined) return await found(person?.user);
    return await provePassword(call, person, checks.password, (hash) => found(person?.user, hash));
  } catch (error) {
    if (isLooking && checks.password !== undefined) await evenOut(begun);
    throw error;
  }
}

async function findPerson(
  call: Call,
  known: string | null,
  { user: named, password }: Checks,
): Promise<UserWithHash | undefined> {
  if (!named) return known === null ? undefined : findWithHash(call.db, known);
  const found = await findNamed(call, named);
  const refusal = refusalOf(call, found?.user, known);
  if (!refusal) return found;
  if (password !== undefined) await lookAtNothing(password);
  throw refusal;
}

const findNamed = ({ db }: Call, named: Named): Promise<UserWithHash | undefined> =>
  named.by === 'id' ? findWithHash(db, named.id) : findByNameWithHash(db, textKey(named.loginName.trim()));

function refusalOf({ caller }: Call, user: UserRow | undefined, known: string | null): Error | undefined {
  if (!user || !can(caller, 'user.read', user.organizationId)) return failure('USER_NOT_FOUND');
  if (user.state === 'locked') return failure('USER_LOCKED');
  if (user.state === 'inactive') return failure('USER_NOT_ACTIVE');
  return known !== null && known !== user.id ? invalidField('SESSION_USER_DIFFERENT', 'checks.user') : undefined;
}

/** Goes on with the stored hash. A wrong password was counted, and may have locked the user. */
async function provePassword<T>(
  call: Call,
  person: UserWithHash | undefined,
  password: string,
  goOn: (hash: string) => Promise<T>,
): Promise<T> {
  if (person?.user.state === 'locked') {
    throw failure('USER_LOCKED', { failedAttempts: await triesOf(call.db, person.user.id, 'password') });
  }
  const user = refuseState(person?.user, signInStates);
  const looked = await lookAtPassword(call, { user, hash: person?.hash }, password, goOn);
  if (looked.right) return looked.result;
  throw wrongPassword(looked.failures);
}

/** In the form that clients of the original expect. */
function wrongPassword(failedAttempts: number): Error {
  const description = failure('PASSWORD_WRONG').rawMessage;
  return failure('PASSWORD_WRONG', { failedAttempts, violations: [{ field: 'checks.password.password', description }] });
}

/** Undefined where it would be refused in its turn anyway. */
async function prepareRecovery(call: Call, user: UserRow | undefined, code?: string): Promise<Buffer | undefined> {
  if (code === undefined || user?.state !== 'active') return undefined;
  await refuseWhileWaiting(call, { userId: user.id, kind: 'otp', user });
  return prepareRecoveryCode(call, user.id, code);
}

/** Those in which a user may be named, and his password be checked. */
export const signInStates = ['active', 'initial'] as const;

/** The user of a check or challenge. SESSION_USER_MISSING, USER_LOCKED, USER_NOT_ACTIVE, USER_INITIAL. */
export function refuseState(user: UserRow | undefined, allowed: readonly UserRow['state'][] = ['active']): UserRow {
  if (!user) throw failure('SESSION_USER_MISSING');
  if (allowed.includes(user.state)) return user;
  switch (user.state) {
    case 'locked':
      throw failure('USER_LOCKED');
    case 'initial':
      throw failure('USER_INITIAL');
    case 'inactive':
    case 'active':
      throw failure('USER_NOT_ACTIVE');
  }
}
