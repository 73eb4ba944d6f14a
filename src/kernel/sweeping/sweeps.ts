// What nobody needs any more. Each sweep is one statement that removes some of it; whether it is done changes no answer
// that matters, since every look judges times itself.
import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import {
  accessTokens,
  codes,
  guesses,
  intents,
  outbox,
  sessionChallenges,
  sessionCodes,
  sessions,
  signingKeys,
  usedAssertions,
  webauthnRegistrations,
} from '../db/schema.ts';
import { memoryHours } from '../guessing.ts';
import { shownHours } from '../outbox/queue.ts';

const dayHours = 24;
/** Sessions that have expired are still shown, and the end of one that has ended is still told, for that long. */
export const sessionDays = 30;

export interface Sweep {
  /** For the log. */
  name: string;
  table: PgTable;
  /** Which rows nobody needs; `ago` is the time so many hours before now. */
  unneeded: (ago: (hours: number) => SQL) => SQL;
}

export const sweeps: readonly Sweep[] = [
  {
    name: 'expired sessions',
    table: sessions,
    unneeded: (ago) => sql`${sessions.expiresAt} <= ${ago(sessionDays * dayHours)}`,
  },
  {
    name: 'ended sessions',
    table: sessions,
    unneeded: (ago) => sql`${sessions.endedAt} <= ${ago(sessionDays * dayHours)}`,
  },
  {
    name: 'challenges of sessions',
    table: sessionChallenges,
    unneeded: (ago) => sql`${sessionChallenges.expiresAt} <= ${ago(dayHours)}`,
  },
  {
    name: 'codes of sessions',
    table: sessionCodes,
    unneeded: (ago) => sql`${sessionCodes.expiresAt} <= ${ago(dayHours)}`,
  },
  {
    name: 'registrations of credentials',
    table: webauthnRegistrations,
    unneeded: (ago) => sql`${webauthnRegistrations.expiresAt} <= ${ago(dayHours)}`,
  },
  {
    // Those for addresses and invitations stay: that one was made, and can be sent again, is told by its row.
    name: 'codes',
    table: codes,
    unneeded: (ago) => sql`${codes.purpose} in ('password', 'passkey') and ${codes.expiresAt} <= ${ago(dayHours)}`,
  },
  {
    name: 'sign-ins at identity providers',
    table: intents,
    unneeded: (ago) => sql`${intents.expiresAt} <= ${ago(dayHours)}`,
  },
  {
    name: 'access tokens',
    table: accessTokens,
    unneeded: (ago) => sql`${accessTokens.expiresAt} <= ${ago(0)}`,
  },
  {
    name: 'assertions that were used',
    table: usedAssertions,
    // Another process, with a clock that is behind, would take it again a moment longer.
    unneeded: (ago) => sql`${usedAssertions.expiresAt} <= ${ago(1)}`,
  },
  {
    name: 'keys that signed',
    table: signingKeys,
    unneeded: (ago) => sql`${signingKeys.publishedUntil} <= ${ago(0)}`,
  },
  {
    name: 'wrong tries',
    table: guesses,
    unneeded: (ago) => sql`${guesses.lastAt} <= ${ago(memoryHours)}`,
  },
  {
    name: 'messages that were given up',
    table: outbox,
    unneeded: (ago) => sql`${outbox.deadAt} <= ${ago(shownHours)} and ${outbox.expiresAt} <= ${ago(0)}`,
  },
];
