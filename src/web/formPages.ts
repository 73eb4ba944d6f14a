// The pages that are one form: what they show, and how a form that was sent is answered.
import { escapeHtml } from '../kernel/wording.ts';
import { pathOf } from '../server/handler.ts';
import { type Fields, fieldsOf, isComplete, maximumCode, problemIn } from './fields.ts';
import { hiddenFields, htmlPage, inputField, type Problem, paragraph, tellingPage } from './layout.ts';
import type { Page } from './pages.ts';
import { type Answer, callFor, incomplete, type Route, refused, retryAfter, tokenFor, type Visit } from './visit.ts';

export const formRoute = (page: Page): Route => ({
  name: page.name,
  get: (visit) => {
    const fields = fieldsOf(new URL(visit.request.url ?? '', 'http://localhost').searchParams);
    return isComplete(fields) ? form(visit, page, fields, 200) : incomplete(visit);
  },
  post: {
    accept: (visit, sent) => submit(visit, page, fieldsOf(sent)),
    stale: (visit, sent) => {
      const fields = fieldsOf(sent);
      if (!isComplete(fields)) return incomplete(visit);
      return form(visit, page, fields, 403, { text: visit.texts.stale, field: undefined });
    },
  },
});

async function submit(visit: Visit, page: Page, fields: Fields): Promise<Answer> {
  const { texts } = visit;
  if (!isComplete(fields)) return incomplete(visit);
  const problem = problemIn(texts, fields, page.asksPassword(fields));
  if (problem) return form(visit, page, fields, 422, problem);
  try {
    await page.submit(callFor(visit), fields);
  } catch (error) {
    const refusal = refused(visit, error);
    const { status, body, headers } = form(visit, page, fields, refusal.status, refusal);
    return { status, body, headers: { ...headers, ...retryAfter(refusal.retryAfterMs) } };
  }
  const { doneTitle, done } = texts.pages[page.name];
  return { status: 200, body: tellingPage(visit, doneTitle, done) };
}

/** It works without scripts. */
function form(visit: Visit, page: Page, fields: Fields, status: number, problem?: Problem): Required<Answer> {
  const { texts } = visit;
  const { token, headers } = tokenFor(visit);
  const { title, about, button } = texts.pages[page.name];
  const code = `type="text" value="${escapeHtml(fields.code)}" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="${maximumCode}"`;
  const secret = 'type="password" autocomplete="new-password"';
  const inputs = [inputField('code', texts.fields.code, code, problem)];
  if (page.asksPassword(fields)) {
    inputs.push(inputField('password', texts.fields.password, secret, problem));
    inputs.push(inputField('repeat', texts.fields.repeat, secret, problem));
  }
  const main = `${paragraph(about)}
<form method="post" action="${escapeHtml(pathOf(visit.request))}">
${hiddenFields({ token, userID: fields.userId, ...(fields.passwordSet && { passwordset: 'true' }) })}
${inputs.join('\n')}
<button type="submit">${escapeHtml(button)}</button>
</form>`;
  return { status, headers, body: htmlPage(visit, { title, problem, main }) };
}
