import type { Caller } from '../kernel/auth/caller.ts';
import type { App, Call } from '../kernel/call.ts';
import { plainName } from '../kernel/wording.ts';
import { toFailure } from '../server/faults.ts';
import type { NodeRequest } from '../server/handler.ts';
import { tokenCookie, tokenOf } from './crossSite.ts';
import { textsFor } from './language.ts';
import { type Surroundings, tellingPage } from './layout.ts';
import { type Refusal, refusalOf } from './problems.ts';
import type { PageTexts } from './texts.ts';

/** One request for something under `/ui/`. */
export interface Visit extends Surroundings {
  app: App;
  request: NodeRequest;
  /** Ties the answer to the log. */
  id: string;
  /** Where the request comes from, as limits count it. */
  network: string;
  /** Whether browsers come over https. */
  secure: boolean;
}

export interface Answer {
  status: number;
  body?: string;
  /** Beside those of every answer, or in their place. */
  headers?: Readonly<Record<string, string>>;
}

/** What stands at a path. */
export interface Route {
  name: string;
  /** A page asks the database nothing: who looks at it learns nothing and changes nothing. */
  get?: (visit: Visit) => Answer | Promise<Answer>;
  /** Another site sends a browser here: with a query, or with a form of its own. */
  callback?: (visit: Visit, parameters: URLSearchParams) => Promise<Answer>;
  post?: {
    /** A form of ours. */
    accept: (visit: Visit, sent: URLSearchParams) => Answer | Promise<Answer>;
    /** One without the cookie that belongs to it. */
    stale: (visit: Visit, sent: URLSearchParams) => Answer;
  };
}

export const visitOf = (app: App, request: NodeRequest, id: string, network: string): Visit => ({
  app,
  request,
  id,
  network,
  texts: textsFor(request.headers['accept-language']),
  product: plainName(app.settings.productName),
  secure: app.settings.publicUrl.startsWith('https:'),
});

/** What ties a form to the browser: a field, and the header that makes the browser keep the cookie. */
export function tokenFor({ request, secure }: Visit): { token: string; headers: Record<string, string> } {
  const token = tokenOf(request, secure);
  return { token, headers: { 'set-cookie': tokenCookie(token, secure) } };
}

export const incomplete = (visit: Visit): Answer => ({
  status: 400,
  body: tellingPage(visit, visit.texts.problem, visit.texts.incomplete),
});

/** How somebody at a page is told of what a service function threw; what is a fault of ours is logged. */
export const refused = ({ app, id, texts }: Visit, error: unknown, own: Partial<PageTexts> = {}): Refusal =>
  refusalOf(toFailure(error, id, app.log), { ...texts, ...own }, id);

export const retryAfter = (ms: number | undefined): Record<string, string> =>
  ms === undefined ? {} : { 'retry-after': String(Math.ceil(ms / 1000)) };

/** Whoever has the link: nobody that we know, with no right but what the code proves. */
const anybody: Caller = { id: '', organizationId: '', type: 'human', everywhere: new Set(), within: new Map() };

export const callFor = ({ app, network }: Visit): Call => ({
  ...app,
  caller: anybody,
  access: { on: 'proof' },
  now: app.clock(),
  organizationId: '',
  subject: undefined,
  network,
});
