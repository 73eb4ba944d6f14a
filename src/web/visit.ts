import type { Caller } from '../kernel/auth/caller.ts';
import type { App, Call } from '../kernel/call.ts';
import { plainName } from '../kernel/wording.ts';
import { toFailure } from '../server/faults.ts';
import { type NodeRequest, pathOf } from '../server/handler.ts';
import { comesFromElsewhere, isOwnForm, tokenCookie, tokenOf } from './crossSite.ts';
import { type Fields, fieldsOf, isComplete, problemIn } from './fields.ts';
import { readForm } from './form.ts';
import { textsFor } from './language.ts';
import { formPage, type Problem, tellingPage } from './layout.ts';
import { type Page, pages } from './pages.ts';
import { refusalOf } from './problems.ts';
import type { PageTexts } from './texts.ts';

/** One request for something under `/ui/`. */
export interface Visit {
  app: App;
  request: NodeRequest;
  /** Ties the answer to the log. */
  id: string;
  /** Where the request comes from, as limits count it. */
  network: string;
}

export interface Answer {
  status: number;
  body?: string;
  headers?: Readonly<Record<string, string>>;
}

interface Shown {
  page: Page;
  texts: PageTexts;
  product: string;
  /** Whether browsers come over https. */
  secure: boolean;
}

/** What a request for a page is answered. Throws UnreadableForm. */
export function answer(visit: Visit): Answer | Promise<Answer> {
  const { app, request } = visit;
  const texts = textsFor(request.headers['accept-language']);
  const product = plainName(app.settings.productName);
  const page = pages.get(pathOf(request));
  if (!page) return { status: 404, body: tellingPage(texts, product, texts.noPage.title, texts.noPage.about) };
  const shown = { page, texts, product, secure: app.settings.publicUrl.startsWith('https:') };
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return show(visit, shown);
    case 'POST':
      return submit(visit, shown);
  }
  return { status: 405, headers: { allow: 'GET, HEAD, POST' } };
}

/** Asks the database nothing: who looks at a page learns nothing and changes nothing. */
function show({ request }: Visit, shown: Shown): Answer {
  const fields = fieldsOf(new URL(request.url ?? '', 'http://localhost').searchParams);
  return isComplete(fields) ? form(request, shown, fields, 200) : incomplete(shown);
}

async function submit({ app, request, id, network }: Visit, shown: Shown): Promise<Answer> {
  const { page, texts, secure } = shown;
  if (comesFromElsewhere(request)) return { status: 403 };
  const sent = await readForm(request);
  const fields = fieldsOf(sent);
  if (!isComplete(fields)) return incomplete(shown);
  const again = (status: number, problem: Problem) => form(request, shown, fields, status, problem);
  if (!isOwnForm(request, sent.get('token'), secure)) return again(403, { text: texts.stale, field: undefined });
  const problem = problemIn(texts, fields, page.asksPassword);
  if (problem) return again(422, problem);
  try {
    await page.submit(callFor(app, network), fields);
  } catch (error) {
    const refusal = refusalOf(toFailure(error, id, app.log), texts, id);
    const { status, body, headers } = again(refusal.status, refusal);
    return { status, body, headers: { ...headers, ...retryAfter(refusal.retryAfterMs) } };
  }
  const { doneTitle, done } = texts.pages[page.name];
  return { status: 200, body: tellingPage(texts, shown.product, doneTitle, done) };
}

function form(request: NodeRequest, shown: Shown, fields: Fields, status: number, problem?: Problem): Required<Answer> {
  const token = tokenOf(request, shown.secure);
  const body = formPage({ ...shown, action: pathOf(request), fields, token, problem });
  return { status, body, headers: { 'set-cookie': tokenCookie(token, shown.secure) } };
}

const incomplete = ({ texts, product }: Shown): Answer => ({
  status: 400,
  body: tellingPage(texts, product, texts.problem, texts.incomplete),
});

const retryAfter = (ms: number | undefined): Record<string, string> =>
  ms === undefined ? {} : { 'retry-after': String(Math.ceil(ms / 1000)) };

/** Whoever has the link: nobody that we know, with no right but what the code proves. */
const anybody: Caller = { id: '', organizationId: '', type: 'human', everywhere: new Set(), within: new Map() };

const callFor = (app: App, network: string): Call => ({
  ...app,
  caller: anybody,
  access: { on: 'proof' },
  now: app.clock(),
  organizationId: '',
  subject: undefined,
  network,
});
