// Owns: the state of those who begin INITIAL, and its end by the code that goes to their address. Leaves the codes to the
// kernel, the address and the password to those features' steps; nobody signs in before (every check looks at the state).
import { refusedProof } from '../../kernel/auth/authorize.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { checkCode, createCode } from '../../kernel/codes/codes.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { forgiveTries } from '../../kernel/guessing.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import { changeEmail, checkEmail, confirmEmail } from '../email/service.ts';
import { findHash } from '../password/repository.ts';
import { changePassword, type PasswordInput, preparePassword } from '../password/service.ts';
import { type Details, record } from '../user/events.ts';
import { changePerson, personOf, proveByCode } from '../user/person.ts';
import { lockUser } from '../user/repository.ts';

/** A new code by mail, in place of the one before. */
export async function issueInitCode(tx: Tx, user: UserRow): Promise<void> {
  const passwordSet = (await findHash(tx, user.id)) !== undefined;
  const code = await createCode(tx, user.id, 'init');
  await record(tx, user.id, { type: 'init.code.created' });
  await enqueue(tx, user, 'email', { kind: 'initialise', ...code, passwordSet });
}

/** Another code, to another address if one is given, which takes the place of the one before. USER_NOT_INITIAL. */
export async function resendHumanInitialization(call: Call, userId: string, address: string | undefined): Promise<Details> {
  const input = address === undefined ? undefined : ({ address, verification: { kind: 'none' } } as const);
  if (input) checkEmail(call, input, '');
  const { details } = await changePerson(call, userId, { initial: true }, async (tx, user) => {
    if (user.state !== 'initial') throw failure('USER_NOT_INITIAL');
    if (input) await changeEmail(tx, user, input);
    await issueInitCode(tx, { ...user, email: address ?? user.email });
    return {};
  });
  return details;
}

const initProof = (userId: string, code: string) =>
  ({ userId, purpose: 'init', code, wrong: 'CODE_INVALID', absent: 'CODE_INVALID', states: ['initial'] }) as const;

/**
 * Verifies the address, sets a password where one is given, and makes the user ACTIVE, or does none of it: a password that
 * the policy refuses burns no code. Who has none yet needs one: PASSWORD_EMPTY.
 */
export async function initialiseUser(
  call: Call,
  userId: string,
  code: string,
  input: PasswordInput | undefined,
): Promise<Details> {
  const proof = initProof(userId, code);
  const initial = await proveByCode(call, proof);
  if (!input && (await findHash(call, userId)) === undefined) throw invalidField('PASSWORD_EMPTY', 'password');
  const password = input && (await preparePassword(call, input, { policyOf: initial.organizationId, person: initial }));
  return transaction(call, async (tx) => {
    const user = personOf(await lockUser(tx, userId));
    const right = user?.state === 'initial' && (await checkCode(tx, userId, 'init', code)) === 'right';
    if (!right) throw refusedProof(tx, user, proof.absent);
    await confirmEmail(tx, user);
    const details = await record(tx, userId, { type: 'state.changed', from: 'initial', to: 'active' }, { state: 'active' });
    if (!password) return details;
    await forgiveTries(tx.db, userId, 'password');
    return changePassword(tx, { ...user, emailVerified: true }, password);
  });
}
