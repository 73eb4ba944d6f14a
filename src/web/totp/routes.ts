import { registerByLink, verifyByLink } from '../../features/totp/byLink.ts';
import { type Problem, tellingPage } from '../layout.ts';
import { type LinkFields, linkFieldsOf } from '../linkFields.ts';
import { type Answer, callFor, incomplete, type Route, refused, retryAfter, type Visit } from '../visit.ts';
import { problemPage, secretPage, startPage, verifyPage } from './page.ts';
import { totpPaths } from './paths.ts';

export const totpRoutes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [totpPaths.start, { name: 'totp start', post: forLink(start, startPage) }],
  [totpPaths.finish, { name: 'totp finish', post: forLink(finish, verifyPage) }],
]);

type Shown = (visit: Visit, link: LinkFields, status: number, problem: Problem) => Answer;

/** A form that holds a link; `again` shows it again. */
function forLink(
  accept: (visit: Visit, link: LinkFields, sent: URLSearchParams) => Promise<Answer>,
  again: Shown,
): Required<Route>['post'] {
  return {
    accept: (visit, sent) => {
      const link = linkFieldsOf(sent);
      return link ? accept(visit, link, sent) : incomplete(visit);
    },
    stale: (visit, sent) => {
      const link = linkFieldsOf(sent);
      return link ? again(visit, link, 403, { text: visit.texts.stale, field: undefined }) : incomplete(visit);
    },
  };
}

async function start(visit: Visit, link: LinkFields): Promise<Answer> {
  try {
    return secretPage(visit, link, await registerByLink(callFor(visit), link.userId, link.code));
  } catch (error) {
    return tell(visit, link, error, startPage);
  }
}

async function finish(visit: Visit, link: LinkFields, sent: URLSearchParams): Promise<Answer> {
  const { totp } = visit.texts;
  const digits = (sent.get('digits') ?? '').replace(/\s/g, '');
  if (!/^\d{6}$/.test(digits)) return verifyPage(visit, link, 422, { text: totp.incomplete, field: 'digits' });
  try {
    const right = await verifyByLink(callFor(visit), link.userId, link.code, digits);
    if (!right) return verifyPage(visit, link, 422, { text: totp.wrong, field: 'digits' });
  } catch (error) {
    return tell(visit, link, error, verifyPage);
  }
  return { status: 200, body: tellingPage(visit, totp.doneTitle, totp.done) };
}

function tell(visit: Visit, link: LinkFields, error: unknown, again: Shown): Answer {
  const { status, text, retryAfterMs } = refused(visit, error, visit.texts.registrationLink);
  const problem = { text, field: undefined };
  const answer = status === 422 ? problemPage(visit, status, problem) : again(visit, link, status, problem);
  return { ...answer, headers: { ...answer.headers, ...retryAfter(retryAfterMs) } };
}
