import type { Asking } from '../../features/oauth/client.ts';
import { oauthPaths } from '../../features/oauth/paths.ts';
import { OauthRefusal } from '../../features/oauth/refusal.ts';
import { failure } from '../../kernel/errors.ts';
import { inTime } from '../../kernel/inTime.ts';
import type { NodeRequest } from '../../server/handler.ts';
import { type Answer, refusalOf } from './answers.ts';
import { introspectionAnswer, tokenAnswer } from './endpoints.ts';
import { keySet, metadata } from './metadata.ts';
import { readParameters } from './parameters.ts';

/** What everybody may know, and keep for a while: far shorter than a key is shown before it signs. */
const shown = { 'cache-control': 'public, max-age=300' };

export interface Asked {
  asking: Asking;
  request: NodeRequest;
  /** One of `oauthPaths`. */
  path: string;
  /** Ties the answer to the log. */
  id: string;
  /** Milliseconds for the answer once the form is there: a proxy without its database takes connections, and nothing comes back. */
  maximumMs: number;
}

/** What a request is answered; DEADLINE_EXCEEDED is an answer too, and the work goes on. */
export const answerSafely = (asked: Asked): Promise<Answer> =>
  answer(asked).catch((error: unknown) => refusalOf(asked.asking.app, error, asked.id));

async function answer(asked: Asked): Promise<Answer> {
  const { asking, request, path, maximumMs } = asked;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  switch (path) {
    case oauthPaths.token:
      return answerForm(asked, tokenAnswer);
    case oauthPaths.introspection:
      return answerForm(asked, introspectionAnswer);
    case oauthPaths.keys:
      return isRead
        ? { status: 200, headers: shown, body: await inTime(keySet(asking.app), maximumMs, late) }
        : notAllowed('GET, HEAD');
    case oauthPaths.authorization:
      throw new OauthRefusal('unsupported_response_type', 'Nobody signs in here by a browser.');
    default:
      return isRead ? { status: 200, headers: shown, body: metadata(asking.app) } : notAllowed('GET, HEAD');
  }
}

async function answerForm(
  { asking, request, maximumMs }: Asked,
  endpoint: typeof tokenAnswer | typeof introspectionAnswer,
): Promise<Answer> {
  if (request.method !== 'POST') return notAllowed('POST');
  const parameters = await readParameters(request);
  return { status: 200, body: await inTime<object>(endpoint(asking, request, parameters), maximumMs, late) };
}

const late = () => failure('DEADLINE_EXCEEDED');

const notAllowed = (allow: string): Answer => ({
  status: 405,
  headers: { allow },
  body: { error: 'invalid_request', error_description: `Use ${allow}.` },
});
