import { type ContextValues, createContextKey } from '@connectrpc/connect';
import type { Call } from './call.ts';

const callKey = createContextKey<Call | undefined>(undefined, { description: 'the call being served' });

interface Carrier {
  values: ContextValues;
}

/** The call that the server made for this request; absent on methods that need no token. */
export const findCall = ({ values }: Carrier): Call | undefined => values.get(callKey);

/** The call of a handler whose method needs a token. */
export function callOf(carrier: Carrier): Call {
  const call = findCall(carrier);
  if (!call) throw new Error('a handler that needs a caller is declared to need none');
  return call;
}

export const setCall = ({ values }: Carrier, call: Call): void => {
  values.set(callKey, call);
};
