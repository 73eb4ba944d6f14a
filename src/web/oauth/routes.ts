import type { Asking } from '../../features/oauth/client.ts';
import { oauthPaths } from '../../features/oauth/paths.ts';
import { OauthRefusal } from '../../features/oauth/refusal.ts';
import type { NodeRequest } from '../../server/handler.ts';
import { type Answer, refusalOf } from './answers.ts';
import { introspectionAnswer, tokenAnswer } from './endpoints.ts';
import { keySet, metadata } from './metadata.ts';

/** What everybody may know, and keep for a while: far shorter than a key is shown before it signs. */
const shown = { 'cache-control': 'public, max-age=300' };

/** What a request for one of `oauthPaths` is answered. @param id Ties the answer to the log. */
export const answerSafely = (asking: Asking, request: NodeRequest, path: string, id: string): Promise<Answer> =>
  answer(asking, request, path).catch((error: unknown) => refusalOf(asking.app, error, id));

async function answer(asking: Asking, request: NodeRequest, path: string): Promise<Answer> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  switch (path) {
    case oauthPaths.token:
      return request.method === 'POST' ? { status: 200, body: await tokenAnswer(asking, request) } : notAllowed('POST');
    case oauthPaths.introspection:
      return request.method === 'POST' ? { status: 200, body: await introspectionAnswer(asking, request) } : notAllowed('POST');
    case oauthPaths.keys:
      return isRead ? { status: 200, headers: shown, body: await keySet(asking.app) } : notAllowed('GET, HEAD');
    case oauthPaths.authorization:
      throw new OauthRefusal('unsupported_response_type', 'Nobody signs in here by a browser.');
    default:
      return isRead ? { status: 200, headers: shown, body: metadata(asking.app) } : notAllowed('GET, HEAD');
  }
}

const notAllowed = (allow: string): Answer => ({
  status: 405,
  headers: { allow },
  body: { error: 'invalid_request', error_description: `Use ${allow}.` },
});
