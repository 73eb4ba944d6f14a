// Owns: the sessions of people, what was checked in them, and who may see, change and end them. Leaves each check to the
// feature whose secret it looks at, what a session's token may be used for to kernel/auth/sessionTokens.ts, and what ends
// sessions from elsewhere to kernel/auth/sessions.ts.
import { canEverywhere, reach } from '../../kernel/auth/caller.ts';
import { type Call, transaction } from '../../kernel/call.ts';
import type { UserAgent } from '../../kernel/db/schema.ts';
import { failure } from '../../kernel/errors.ts';
import { authorizeSession } from './access.ts';
import { openAtOnce } from './atOnce.ts';
import { prepare } from './prepare.ts';
import {
  endSession,
  findSession,
  findWritten,
  insertSession,
  lockSession,
  type SessionRow,
  type ShownSession,
  updateSession,
  type Written,
} from './repository.ts';
import { type FoundSessions, findSessions, type SessionSearch } from './searchRepository.ts';
import { type Additions, checkAdditions, endOf, type Outcome, write } from './write.ts';

/** The declaration on the instance has been checked. Throws what any of the checks and challenges refuses; there is no session then. */
export async function createSession(call: Call, additions: Additions, userAgent: UserAgent | null): Promise<Outcome> {
  checkAdditions(call, additions);
  const blank = blankSession(call, userAgent);
  return prepare(
    call,
    null,
    additions.checks,
    async (prepared) =>
      (await openAtOnce(call, blank, prepared, additions)) ??
      write(call, prepared, additions, {
        open: async () => blank,
        save: (tx, session, columns) => insertSession(tx, { ...session, ...columns }),
      }),
  );
}

function blankSession(call: Call, userAgent: UserAgent | null): SessionRow {
  const createdAt = call.now;
  return {
    id: call.ids.next(),
    creatorId: call.caller.id,
    userId: null,
    organizationId: null,
    tokenHash: null,
    sequence: 1n,
    createdAt,
    changedAt: createdAt,
    expiresAt: endOf(call, { createdAt }),
    endedAt: null,
    stale: false,
    userVerifiedAt: null,
    passwordVerifiedAt: null,
    webauthnVerifiedAt: null,
    webauthnUserVerified: false,
    webauthnCredentialId: null,
    intentVerifiedAt: null,
    intentProviderId: null,
    intentExternalId: null,
    totpVerifiedAt: null,
    otpSmsVerifiedAt: null,
    otpEmailVerifiedAt: null,
    recoveryCodeVerifiedAt: null,
    metadata: {},
    userAgent,
  };
}

/** SESSION_EXPIRED, and what any of the checks and challenges refuses; nothing of the call is in the session then. */
export async function setSession(call: Call, id: string, additions: Additions): Promise<Outcome> {
  checkAdditions(call, additions);
  const found = usable(call, await findSession(call.db, id));
  return prepare(call, found.userId, additions.checks, (prepared) =>
    write(call, prepared, additions, {
      open: async (tx) => {
        const session = usable(tx, await lockSession(tx, id));
        // Somebody else's call was first to say whose session it is: this one was looked at as if nobody had.
        if (session.userId !== found.userId && session.userId !== prepared.user?.id) throw failure('SESSION_USER_CHANGED');
        return session;
      },
      save: async (tx, session, columns) =>
        columns ? updateSession(tx, id, columns) : ((await findWritten(tx.db, session.id)) ?? fail(session.id)),
    }),
  );
}

function fail(id: string): never {
  throw new Error(`session ${id} is gone, though locked`);
}

function usable<T extends SessionRow>(call: Call, found: T | undefined): T {
  const session = authorizeSession(call, found?.endedAt ? undefined : found);
  const ends = [session.expiresAt, endOf(call, session)];
  if (ends.some((end) => end !== null && end <= call.now)) throw failure('SESSION_EXPIRED');
  return session;
}

/** One that has expired as well. `token`: of the session, or empty. */
export async function getSession(call: Call, id: string, token: string): Promise<ShownSession> {
  const found = await findSession(call.db, id);
  return authorizeSession(call, found?.endedAt ? undefined : found, token);
}

/** Those that the caller may read. */
export function listSessions({ db, caller }: Call, search: SessionSearch): Promise<FoundSessions> {
  return findSessions(db, { callerId: caller.id, readable: reach(caller, 'session.read') }, search);
}

/**
 * Returns the details of the end, whenever it was; undefined of a session that nobody knows, to whom may end any. One that
 * has ended has no token any more: whichever is brought again is not looked at.
 */
export function deleteSession(call: Call, id: string, token: string): Promise<Written | undefined> {
  return transaction(call, async (tx) => {
    const live = await lockSession(tx, id);
    const found = live ?? (await findSession(tx.db, id));
    if (!found && canEverywhere(tx.caller, 'session.delete')) return undefined;
    authorizeSession(tx, found, live ? token : '');
    return (await endSession(tx, id)) ?? findWritten(tx.db, id);
  });
}
