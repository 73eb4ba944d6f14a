// Owns: whether a user may be used at all. Every check of a token or a credential looks at it anew.
import { authorize } from '../../kernel/auth/authorize.ts';
import { refuseLastOwner } from '../../kernel/auth/owners.ts';
import { endSessions } from '../../kernel/auth/sessions.ts';
import { type Call, transaction, type UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { forgiveAllTries } from '../../kernel/guessing.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Details, record } from '../user/events.ts';
import { lockUser as lockRow } from '../user/repository.ts';

type State = UserRow['state'];

interface Transition {
  from: readonly State[];
  to: State;
  /** Told in any other state. */
  refusal: (state: State) => Reason;
  /** Whether wrong tries are forgotten with it. */
  forgives?: boolean;
}

const transitions = {
  deactivate: {
    from: ['active', 'locked'],
    to: 'inactive',
    refusal: (state) => (state === 'initial' ? 'USER_INITIAL' : 'USER_ALREADY_INACTIVE'),
  },
  reactivate: { from: ['inactive'], to: 'active', refusal: () => 'USER_NOT_INACTIVE' },
  lock: { from: ['active', 'initial'], to: 'locked', refusal: () => 'USER_NOT_LOCKABLE' },
  unlock: { from: ['locked'], to: 'active', refusal: () => 'USER_NOT_LOCKED', forgives: true },
} satisfies Record<string, Transition>;

function change(call: Call, userId: string, { from, to, refusal, forgives }: Transition): Promise<Details> {
  return transaction(call, async (tx) => {
    const user = authorize(tx, await lockRow(tx, userId));
    if (!from.includes(user.state)) throw failure(refusal(user.state));
    if (to !== 'active') await refuseLastOwner(tx, userId);
    const [details] = await Promise.all([
      record(tx, userId, { type: 'state.changed', from: user.state, to }, { state: to }),
      to !== 'active' && endSessions(tx, userId),
      forgives && forgiveAllTries(tx.db, userId),
    ]);
    return details;
  });
}

export const deactivateUser = (call: Call, userId: string) => change(call, userId, transitions.deactivate);
export const reactivateUser = (call: Call, userId: string) => change(call, userId, transitions.reactivate);
export const lockUser = (call: Call, userId: string) => change(call, userId, transitions.lock);
export const unlockUser = (call: Call, userId: string) => change(call, userId, transitions.unlock);
