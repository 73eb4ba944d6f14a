// A sign-in by name and password alone, the commonest of all: written by one statement, on condition that what the rules
// looked at is still so. What it does not write, `write` decides under the lock.
import { newSessionToken } from '../../kernel/auth/sessionTokens.ts';
import { tokenHash } from '../../kernel/auth/tokens.ts';
import type { Call } from '../../kernel/call.ts';
import type { Checks } from './checks.ts';
import { openSession } from './openingRepository.ts';
import type { Prepared } from './prepare.ts';
import type { SessionRow } from './repository.ts';
import { passwordColumns, userColumns } from './steps.ts';
import { type Additions, asksFor, type Outcome, unchecked } from './write.ts';

const factors = ['user', 'password'] as const;

const asksForMore = ({ user: _, password: __, ...others }: Checks): boolean =>
  Object.values(others).some((check) => check !== undefined);

/** Undefined: nothing was written, as the call asks for more, or something changed meanwhile. SESSION_METADATA_TOO_LARGE. */
export async function openAtOnce(
  call: Call,
  blank: SessionRow,
  { user, passwordHash }: Prepared,
  { checks, challenges, ...rest }: Additions,
): Promise<Outcome | undefined> {
  if (!user || passwordHash === undefined || asksForMore(checks) || asksFor(challenges)) return undefined;
  const token = newSessionToken();
  const columns = { ...userColumns(user, call.now), ...passwordColumns(call.now), ...unchecked(call, blank, rest) };
  const session = { ...blank, ...columns, tokenHash: tokenHash(call.keys, token) };
  const written = await openSession(call, session, { user, passwordHash, factors });
  return written && { written, token, made: {} };
}
