// The checks of one call, in their order, each by the rule and the counter that it has everywhere. The user is locked.
import type { JsonObject } from '@bufbuild/protobuf';
import type { Tx, UserRow } from '../../kernel/call.ts';
import type { Prepared } from './prepare.ts';
import type { SessionColumns, SessionRow } from './repository.ts';
import { type Factor, steps } from './steps.ts';

/** How a user is named. */
export type Named = { by: 'id'; id: string } | { by: 'login-name'; loginName: string };

/** What is to be checked; what is absent is not. */
export interface Checks {
  user?: Named | undefined;
  password?: string | undefined;
  intent?: { id: string; token: string } | undefined;
  webauthn?: JsonObject | undefined;
  totp?: string | undefined;
  otpSms?: string | undefined;
  otpEmail?: string | undefined;
  recoveryCode?: string | undefined;
}

/** Whether one of them can be wrong in a way that is kept although the rest of the call is undone. A password was looked at before. */
export const keepsTries = ({ webauthn, totp, otpSms, otpEmail, recoveryCode }: Checks): boolean =>
  [webauthn, totp, otpSms, otpEmail, recoveryCode].some((check) => check !== undefined);

/** What one check looks at. */
export interface Checking {
  tx: Tx;
  /** As it was before the call. */
  session: SessionRow;
  /** The user of the session, or the one that the call names. */
  user: UserRow | undefined;
  prepared: Prepared;
}

/** Makes the checks. Returns what they change in the session, and which were made; throws the first refusal. */
export async function runChecks(checking: Checking, checks: Checks): Promise<{ columns: SessionColumns; factors: Factor[] }> {
  let columns: SessionColumns = {};
  const factors: Factor[] = [];
  for (const { factor, step } of steps) {
    const checked = await step(checking, checks);
    if (!checked) continue;
    columns = { ...columns, ...checked };
    factors.push(factor);
  }
  return { columns, factors };
}
