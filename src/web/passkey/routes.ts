import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { registerPasskey, verifyPasskeyRegistration } from '../../features/passkey/service.ts';
import { linkFieldsOf } from '../linkFields.ts';
import { type Answer, callFor, incomplete, type Route, refused, retryAfter, tokenFor, type Visit } from '../visit.ts';
import { maximumName, passkeyPage } from './page.ts';
import { passkeyPaths } from './paths.ts';
import type { Refused } from './script.ts';

export const passkeyRoutes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    passkeyPaths.page,
    {
      name: 'passkey',
      get: (visit) => {
        const link = linkFieldsOf(new URL(visit.request.url ?? '', 'http://localhost').searchParams);
        return link ? passkeyPage(visit, link) : incomplete(visit);
      },
    },
  ],
  [passkeyPaths.start, { name: 'passkey start', post: { accept: start, stale } }],
  [passkeyPaths.finish, { name: 'passkey finish', post: { accept: finish, stale } }],
]);

/** What the script hands to the browser. The code of the link is used up. */
function start(visit: Visit, sent: URLSearchParams): Answer | Promise<Answer> {
  const link = linkFieldsOf(sent);
  if (!link) return refusal(400, { problem: visit.texts.incomplete });
  return orRefusal(visit, async () => {
    const { id, options } = await registerPasskey(callFor(visit), link.userId, { domain: '', code: link.code });
    return { id, options };
  });
}

/** The browser's answer; the challenge that it signs is the proof. */
function finish(visit: Visit, sent: URLSearchParams): Answer | Promise<Answer> {
  const [userId = '', id = '', name = ''] = ['userID', 'id', 'name'].map((field) => sent.get(field)?.trim());
  if (name === '' || Array.from(name).length > maximumName) return refusal(400, { problem: visit.texts.passkey.nameWrong });
  const credential = credentialIn(sent.get('credential') ?? '');
  if (!credential) return refusal(400, { problem: visit.texts.registrationLink.link });
  return orRefusal(visit, async () => {
    await verifyPasskeyRegistration(callFor(visit), userId, { id, credential, name });
    return {};
  });
}

async function orRefusal(visit: Visit, work: () => Promise<JsonObject>): Promise<Answer> {
  try {
    return json(200, await work());
  } catch (error) {
    const { text, status, retryAfterMs } = refused(visit, error, visit.texts.registrationLink);
    return refusal(status, { problem: text }, retryAfter(retryAfterMs));
  }
}

function stale(visit: Visit): Answer {
  const { token, headers } = tokenFor(visit);
  return refusal(403, { problem: visit.texts.stale, token }, headers);
}

const refusal = (status: number, told: Refused, headers: Record<string, string> = {}): Answer => json(status, told, headers);

const json = (status: number, content: object, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { ...headers, 'content-type': 'application/json' },
  body: JSON.stringify(content),
});

function credentialIn(text: string): JsonObject | undefined {
  try {
    const parsed: JsonValue = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
