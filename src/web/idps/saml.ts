// What stands at a path of each SAML provider: our metadata, and where it posts responses to.
import { metadataFor } from '../../features/idp/saml.ts';
import { leadsThrough } from '../../features/intent/service.ts';
import { tellingPage } from '../layout.ts';
import type { Answer, Route, Visit } from '../visit.ts';
import { arrive, isId } from './routes.ts';

/** Of whatever id: whether there is such a provider is for the request to find out. */
export function samlRoute(path: string): Route | undefined {
  const [, id = '', what] = /^\/idps\/([^/]+)\/saml\/(metadata|acs)$/.exec(path) ?? [];
  if (what === 'metadata') return { name: 'SAML metadata', get: (visit) => showMetadata(visit, id) };
  if (what === 'acs') return { name: 'SAML response', callback: (visit, parameters) => accept(visit, id, parameters) };
  return undefined;
}

async function showMetadata(visit: Visit, id: string): Promise<Answer> {
  const body = await metadataFor(visit.app, id);
  if (body !== undefined)
    return { status: 200, body, headers: { 'content-type': 'application/samlmetadata+xml; charset=utf-8' } };
  return { status: 404, body: tellingPage(visit, visit.texts.noPage.title, visit.texts.noPage.about) };
}

/** A form alone brings a response (HTTP-POST); RelayState is the id of the journey. */
async function accept(visit: Visit, providerId: string, parameters: URLSearchParams): Promise<Answer> {
  const id = parameters.get('RelayState') ?? '';
  const known = visit.request.method === 'POST' && isId(id) && (await leadsThrough(visit.app, id, providerId));
  return arrive(visit, known ? id : '', parameters);
}
