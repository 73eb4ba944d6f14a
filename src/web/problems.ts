import type { ConnectError } from '@connectrpc/connect';
import { toldBy } from '../kernel/errors.ts';
import { durationInWords, fill } from '../kernel/wording.ts';
import type { Problem } from './layout.ts';
import type { PageTexts } from './texts.ts';

/** How a refused form is answered. */
export interface Refusal extends Problem {
  status: number;
  retryAfterMs?: number | undefined;
}

/** At least this long until it makes sense to try again, where nobody says when. */
const defaultWaitMs = 1000;

/** What somebody at a page is told of a failure. Whatever is wrong with the code or its user is one and the same. */
export function refusalOf(error: ConnectError, texts: PageTexts, request: string): Refusal {
  const { reason = '', metadata = {}, retryAfterMs = defaultWaitMs } = toldBy(error) ?? {};
  const wait = durationInWords(retryAfterMs, texts.language);
  switch (reason) {
    case 'TRIED_TOO_OFTEN':
      return { status: 429, text: fill(texts.tooManyTries, { wait }), field: undefined, retryAfterMs };
    case 'HASHING_BUSY':
      return { status: 503, text: fill(texts.busy, { wait }), field: undefined, retryAfterMs };
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return { status: 503, text: texts.away, field: undefined };
    case 'INTERNAL':
      return { status: 500, text: fill(texts.fault, { request }), field: undefined };
  }
  const refusals: Readonly<Record<string, string | undefined>> = texts.refusals;
  const told = refusals[reason];
  if (told === undefined) return { status: 422, text: texts.link, field: 'code' };
  // Enough characters are always enough bytes.
  const unit = metadata.unit === 'bytes' ? texts.units.bytes : texts.units.characters;
  const field = reason.startsWith('PASSWORD_') ? 'password' : undefined;
  return { status: 422, text: fill(told, { ...metadata, unit }), field };
}
