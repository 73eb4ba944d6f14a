// The two endpoints that machines post to: what they say is read here, and what it means is for features/oauth.
import { type Asking, authenticateClient } from '../../features/oauth/client.ts';
import { OauthRefusal } from '../../features/oauth/refusal.ts';
import { type Grant, giveToken, introspect } from '../../features/oauth/service.ts';
import { authenticateRequest } from '../../server/authenticate.ts';
import type { NodeRequest } from '../../server/handler.ts';
import { grantTypes } from './metadata.ts';
import { credentialsIn, needed, type Parameters } from './parameters.ts';

/** RFC 6749, 5.1. */
export async function tokenAnswer(asking: Asking, request: NodeRequest, parameters: Parameters) {
  const { token, scope, expiresIn } = await giveToken(asking, grantIn(request, parameters), parameters.get('scope') ?? '');
  return { access_token: token, token_type: 'Bearer', expires_in: expiresIn, ...(scope !== '' && { scope }) };
}

/** Beside an assertion a client need not show who it is (RFC 7521, 4.1), and the original's SDKs name one that is none. */
function grantIn(request: NodeRequest, parameters: Parameters): Grant {
  switch (needed(parameters, 'grant_type')) {
    case grantTypes.assertion:
      return { type: 'assertion', assertion: needed(parameters, 'assertion') };
    case grantTypes.client: {
      const credentials = credentialsIn(request, parameters);
      if (!credentials) throw unknownClient();
      return { type: 'client', credentials };
    }
    default:
      throw new OauthRefusal('unsupported_grant_type', `Supported: ${Object.values(grantTypes).join(', ')}.`);
  }
}

const unknownClient = () => new OauthRefusal('invalid_client', 'The client does not show who it is.');

/** RFC 7662, 2.2. Whoever brings a token is told of it, and nothing of one that may not be used. */
export async function introspectionAnswer(asking: Asking, request: NodeRequest, parameters: Parameters) {
  await authenticateAsker(asking, request, parameters);
  const { app, now } = asking;
  const found = await introspect(app, now, needed(parameters, 'token'));
  if (!found) return { active: false };
  const { id, userId, username, scope, createdAt, expiresAt } = found;
  const issuer = app.settings.publicUrl;
  return {
    active: true,
    ...(scope !== '' && { scope }),
    client_id: userId,
    username,
    token_type: 'Bearer',
    exp: secondsOf(expiresAt),
    iat: secondsOf(createdAt),
    sub: userId,
    aud: issuer,
    iss: issuer,
    jti: id,
  };
}

const secondsOf = (date: Date) => Math.floor(date.getTime() / 1000);

/** A service user: by its credentials, or by a token of its own (RFC 7662, 2.1). */
async function authenticateAsker(asking: Asking, request: NodeRequest, parameters: Parameters): Promise<void> {
  const credentials = credentialsIn(request, parameters);
  if (credentials) return void (await authenticateClient(asking, credentials));
  const { authorization } = request.headers;
  if (authorization === undefined) throw unknownClient();
  const { caller } = await authenticateRequest(asking.app, { on: 'token' }, authorization, asking.network);
  if (caller.type !== 'machine') throw new OauthRefusal('invalid_token', 'Only service users may ask about tokens.');
}
