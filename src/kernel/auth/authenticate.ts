// Who a token stands for. Asked with every call, in the same statement as the user whom the call is about.
import type { App, UserRow } from '../call.ts';
import { failure } from '../errors.ts';
import { together } from '../together.ts';
import { findByAccessToken, isAccessToken, isJwt } from './accessTokens.ts';
import type { Caller } from './caller.ts';
import { findBySessionToken, isSessionToken } from './sessionTokens.ts';
import type { Find } from './subjects.ts';
import { findByPersonalAccessToken } from './tokens.ts';

export interface Authenticated {
  caller: Caller;
  subject: UserRow | undefined;
}

interface Question {
  token: string;
  time: Date;
  /** The id of a user to be loaded. */
  subject: string | undefined;
}

/**
 * Who a token stands for; undefined when it may not be used. Calls with the same token in one turn of the event loop are
 * one statement; what different tokens ask for is never put together. Throws what a session's token is refused with until
 * enough was checked, and ISSUER_UNAVAILABLE.
 */
export const authenticate = together<App, Question, Authenticated | undefined>({
  groupOf: ({ token }) => token,
  async answer(app, questions) {
    const token = questions[0]?.token ?? '';
    // They differ by what a turn takes; the last one is the strictest.
    const time = new Date(Math.max(...questions.map(({ time }) => time.getTime())));
    const subjects = new Set(questions.flatMap(({ subject }) => subject ?? []));
    const found = await findBy(token)(app, token, time, [...subjects]);
    return ({ subject = '' }) => {
      // One for each call: what a call adds to its error is not another's.
      if (found && 'refusal' in found) throw failure(found.refusal, { cause: found.cause });
      return found && { caller: found.caller, subject: found.subjects.get(subject) };
    };
  },
});

function findBy(token: string): Find {
  if (isJwt(token)) return async (...question) => (await import('./jwtCallers.ts')).findByJwt(...question);
  if (isSessionToken(token)) return findBySessionToken;
  return isAccessToken(token) ? findByAccessToken : findByPersonalAccessToken;
}
