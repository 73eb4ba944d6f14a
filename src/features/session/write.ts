// What CreateSession and SetSession have in common: all of a call happens, or nothing but that a wrong try was made.
import { newSessionToken } from '../../kernel/auth/sessionTokens.ts';
import { tokenHash } from '../../kernel/auth/tokens.ts';
import { type Call, savepoint, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';
import { checkUrlTemplate } from '../../kernel/links.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { type Challenges, type Made, makeChallenges } from './challenges.ts';
import { type Checks, keepsTries, runChecks } from './checks.ts';
import { checkMetadata, type Metadata, merged } from './metadata.ts';
import type { Prepared } from './prepare.ts';
import type { SessionColumns, SessionRow, Written } from './repository.ts';
import { keepTry, WrongTry } from './wrongTry.ts';

/** What a call brings to a session. */
export interface Additions {
  checks: Checks;
  challenges: Challenges;
  metadata: Metadata;
  /** Milliseconds from now on; undefined = as before. */
  lifetimeMs: number | undefined;
}

/** Details, the new token, and the challenges that were asked for. */
export interface Outcome {
  written: Written;
  /** Empty when nothing changed. */
  token: string;
  made: Made;
}

/** What can be refused before anything is looked up. URL_TEMPLATE_INVALID, SESSION_METADATA_TOO_LARGE, LIFETIME_TOO_LONG. */
export function checkAdditions(call: Call, { challenges: { otpEmail }, metadata, lifetimeMs }: Additions): void {
  if (otpEmail?.kind === 'send' && otpEmail.urlTemplate !== undefined) {
    checkUrlTemplate(call, otpEmail.urlTemplate, 'otp', 'challenges.otp_email.send_code.url_template');
  }
  checkMetadata(metadata);
  if (lifetimeMs !== undefined && call.now.getTime() + lifetimeMs >= endOfTime)
    throw invalidField('LIFETIME_TOO_LONG', 'lifetime');
}

/** The first year that RFC 3339 cannot write. */
const endOfTime = Date.UTC(10_000);

/** How the two calls differ. */
export interface Place {
  /** The session as it is, locked. */
  open: (tx: Tx) => Promise<SessionRow>;
  /** Stores what changed; undefined columns: nothing did. */
  save: (tx: Tx, session: SessionRow, columns: SessionColumns | undefined) => Promise<Written>;
}

/** Adds to a session. Throws the first refusal, after what must be remembered of it is kept. */
export async function write(call: Call, prepared: Prepared, additions: Additions, place: Place): Promise<Outcome> {
  const done = await transaction(call, async (tx) => {
    const user = prepared.user && (await lockUser(tx, prepared.user.id));
    let session: SessionRow | undefined;
    const work = async (inner: Tx) => {
      session = await place.open(inner);
      return add(inner, { session, user, prepared }, additions, place);
    };
    if (!keepsTries(additions.checks)) return work(tx);
    try {
      return await savepoint(tx, work);
    } catch (error) {
      if (!(error instanceof WrongTry) || !session) throw error;
      await keepTry(tx, session.id, error.tried);
      return error;
    }
  });
  // Thrown after the commit: a rollback would forget the failed attempt.
  if (done instanceof WrongTry) throw done.refusal;
  return done;
}

interface Ground {
  session: SessionRow;
  user: UserRow | undefined;
  prepared: Prepared;
}

async function add(tx: Tx, ground: Ground, { checks, challenges, ...rest }: Additions, { save }: Place): Promise<Outcome> {
  const { session, user } = ground;
  const { columns, factors } = await runChecks({ tx, ...ground }, checks);
  const changes: SessionColumns = { ...columns, ...unchecked(tx, session, rest) };
  if (!asksFor(challenges) && Object.keys(changes).length === 0 && session.tokenHash !== null) {
    return { written: await save(tx, session, undefined), token: '', made: {} };
  }
  const token = newSessionToken();
  const [written] = await Promise.all([
    save(tx, session, { ...changes, tokenHash: tokenHash(tx.keys, token) }),
    user && factors.length > 0 && record(tx, user.id, { type: 'session.checked', session: session.id, factors }),
  ]);
  return { written, token, made: await makeChallenges(tx, session.id, user, challenges) };
}

/** What a call brings to a session besides checks and challenges. SESSION_METADATA_TOO_LARGE. */
export function unchecked(
  call: Call,
  session: SessionRow,
  { metadata, lifetimeMs }: Pick<Additions, 'metadata' | 'lifetimeMs'>,
): SessionColumns {
  const after = merged(session.metadata, metadata);
  const expiresAt = lifetimeMs === undefined ? undefined : endOf(call, session, lifetimeMs);
  return { ...(after && { metadata: after }), ...(expiresAt !== undefined && { expiresAt }) };
}

export const asksFor = (challenges: Challenges): boolean =>
  Object.values(challenges).some((challenge) => challenge !== undefined);

/** A session lives no longer than the operator lets any live (ASVS 7.3.2). */
export function endOf({ now, settings }: Call, { createdAt }: Pick<SessionRow, 'createdAt'>, lifetimeMs?: number): Date | null {
  const wished = lifetimeMs === undefined ? Number.POSITIVE_INFINITY : now.getTime() + lifetimeMs;
  const latest = createdAt.getTime() + (settings.sessionLifetimeMs ?? Number.POSITIVE_INFINITY);
  const end = Math.min(wished, latest);
  return Number.isFinite(end) ? new Date(end) : null;
}
