import { type NodeRequest, pathOf } from '../server/handler.ts';
import { assetRoutes } from './assets.ts';
import { UnreadableBody } from './body.ts';
import { comesFromElsewhere, isOwnForm } from './crossSite.ts';
import { docsPath, docsRoute } from './docs/page.ts';
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
  [docsPath, docsRoute],
]);

export const routeAt = (path: string): Route | undefined => routes.get(path) ?? samlRoute(path);

/** What a request for something that is ours is answered. @throws UnreadableBody */
export async function answer(visit: Visit): Promise<Answer> {
  const { request, secure, texts } = visit;
  const route = routeAt(pathOf(request));
  if (!route) return { status: 404, body: tellingPage(visit, texts.noPage.title, texts.noPage.about) };
  const { get, post, callback } = route;
  if (callback && request.method === 'GET') return callback(visit, queryOf(request));
  if (callback && request.method === 'POST') return takeBack(visit, callback);
  if (get && (request.method === 'GET' || request.method === 'HEAD')) return get(visit);
  if (!post || request.method !== 'POST') return { status: 405, headers: { allow: methodsOf(route) } };
  if (comesFromElsewhere(request)) return { status: 403 };
  const sent = await readForm(request);
  return isOwnForm(request, sent.get('token'), secure) ? post.accept(visit, sent) : post.stale(visit, sent);
}

/** A signed assertion with its certificates stays below it. */
const maximumCallbackBytes = 512 * 1024;

/** Who was sent here with a form that is not read sees a page: he can do nothing about it, and knows nothing of forms. */
async function takeBack(visit: Visit, callback: NonNullable<Route['callback']>): Promise<Answer> {
  const { app, id, request, texts } = visit;
  const sent = await readForm(request, maximumCallbackBytes).catch((error: unknown) => {
    if (error instanceof UnreadableBody) return error.status;
    throw error;
  });
  if (typeof sent !== 'number') return callback(visit, sent);
  app.log.info({ request: id, path: pathOf(request), status: sent }, 'what a provider sent along is not read');
  return { status: sent, body: tellingPage(visit, texts.notRead.title, texts.notRead.about) };
}

const queryOf = (request: NodeRequest): URLSearchParams => new URL(request.url ?? '', 'http://localhost').searchParams;

const methodsOf = ({ get, post, callback }: Route): string =>
  [...(get ? ['GET', 'HEAD'] : []), ...(callback ? ['GET'] : []), ...(post || callback ? ['POST'] : [])].join(', ');
