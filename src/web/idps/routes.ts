// Where identity providers send browsers back to. What they bring is held against the journey that began here; nobody is
// sent anywhere but to the URLs that were named at the beginning.
import { finishJourney } from '../../features/idp/intents.ts';
import { callbackPath } from '../../features/idp/paths.ts';
import { tellingPage } from '../layout.ts';
import { type Answer, callFor, type Route, type Visit } from '../visit.ts';

export const idpRoutes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [callbackPath, { name: 'provider callback', callback: back }],
]);

async function back(visit: Visit, parameters: URLSearchParams): Promise<Answer> {
  const id = parameters.get('state') ?? '';
  const headers = visit.request.headers;
  const target = id === '' ? undefined : await finishJourney(callFor(visit), id, { parameters, headers });
  // 303: what a form brought here is not to be sent on.
  if (target) return { status: 303, headers: { location: target.url } };
  const { title, about } = visit.texts.noJourney;
  return { status: 400, body: tellingPage(visit, title, about) };
}
