// Where identity providers send browsers back to. What they bring is held against the journey that began here; nobody is
// sent anywhere but to the URLs that were named at the beginning.
import type { IncomingHttpHeaders } from 'node:http';
import { callbackPath, jwtPath } from '../../features/idp/paths.ts';
import { finishJourney } from '../../features/intent/service.ts';
import { tellingPage } from '../layout.ts';
import { type Answer, callFor, type Route, type Visit } from '../visit.ts';

const back = (visit: Visit, parameters: URLSearchParams) => arrive(visit, parameters.get('state') ?? '', parameters);
const backWithToken = (visit: Visit, parameters: URLSearchParams) =>
  arrive(visit, parameters.get('authRequestID') ?? '', parameters);

export const idpRoutes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [callbackPath, { name: 'provider callback', callback: back }],
  [jwtPath, { name: 'JWT provider callback', callback: backWithToken }],
]);

/** Ends the journey with that id by what a provider sent along. */
export async function arrive(visit: Visit, id: string, parameters: URLSearchParams): Promise<Answer> {
  const { headers } = visit.request;
  if (looksAhead(headers)) return { status: 503 };
  const target = isId(id) ? await finishJourney(callFor(visit), id, { parameters, headers }) : undefined;
  // 303: what a form brought here is not to be sent on.
  if (target) return { status: 303, headers: { location: target.url } };
  const { title, about } = visit.texts.noJourney;
  return { status: 400, body: tellingPage(visit, title, about) };
}

/** What Postgres cannot hold, and what is longer than any id, is none. */
export const isId = (text: string) => /^[\x20-\x7e]{1,200}$/.test(text);

/** Whether a browser only looks ahead: nobody may ever go there, and the journey would have ended. */
const looksAhead = (headers: IncomingHttpHeaders): boolean =>
  [headers['sec-purpose'], headers.purpose, headers['x-moz']].some((purpose) => purpose?.includes('prefetch'));
