import { type NodeRequest, pathOf } from '../server/handler.ts';
import { assetRoutes } from './assets.ts';
import { comesFromElsewhere, isOwnForm } from './crossSite.ts';
import { readForm } from './form.ts';
import { formRoute } from './formPages.ts';
import { idpRoutes } from './idps/routes.ts';
import { samlRoute } from './idps/saml.ts';
import { tellingPage } from './layout.ts';
import { pages } from './pages.ts';
import { passkeyRoutes } from './passkey/routes.ts';
import { totpRoutes } from './totp/routes.ts';
import type { Answer, Route, Visit } from './visit.ts';

/** By path. */
const routes: ReadonlyMap<string, Route> = new Map([
  ...[...pages].map(([path, page]) => [path, formRoute(page)] as const),
  ...passkeyRoutes,
  ...totpRoutes,
  ...idpRoutes,
  ...assetRoutes,
]);

export const routeAt = (path: string): Route | undefined => routes.get(path) ?? samlRoute(path);

/** What a request for something under `/ui/` or `/idps/` is answered. @throws UnreadableBody */
export async function answer(visit: Visit): Promise<Answer> {
  const { request, secure, texts } = visit;
  const route = routeAt(pathOf(request));
  if (!route) return { status: 404, body: tellingPage(visit, texts.noPage.title, texts.noPage.about) };
  const { get, post, callback } = route;
  if (callback && request.method === 'GET') return callback(visit, queryOf(request));
  if (callback && request.method === 'POST') return callback(visit, await readForm(request, maximumCallbackBytes));
  if (get && (request.method === 'GET' || request.method === 'HEAD')) return get(visit);
  if (!post || request.method !== 'POST') return { status: 405, headers: { allow: methodsOf(route) } };
  if (comesFromElsewhere(request)) return { status: 403 };
  const sent = await readForm(request);
  return isOwnForm(request, sent.get('token'), secure) ? post.accept(visit, sent) : post.stale(visit, sent);
}

/** A signed assertion with its certificates stays below it. */
const maximumCallbackBytes = 512 * 1024;

const queryOf = (request: NodeRequest): URLSearchParams => new URL(request.url ?? '', 'http://localhost').searchParams;

const methodsOf = ({ get, post, callback }: Route): string =>
  [...(get ? ['GET', 'HEAD'] : []), ...(callback ? ['GET'] : []), ...(post || callback ? ['POST'] : [])].join(', ');
