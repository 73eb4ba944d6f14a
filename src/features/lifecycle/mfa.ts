import type { Call } from '../../kernel/call.ts';
import { type Details, record } from '../user/events.ts';
import { changePerson } from '../user/person.ts';

/** The user put off setting up a second factor; who asks next can tell since when. */
export async function humanMFAInitSkipped(call: Call, userId: string): Promise<Details> {
  const { details } = await changePerson(call, userId, { initial: true }, async (tx) => {
    await record(tx, userId, { type: 'mfa.init.skipped' }, { mfaInitSkippedAt: tx.now });
    return {};
  });
  return details;
}
