// Whom a JWT stands for: one of ours, or one of an issuer that the configuration trusts. Loaded when one is seen: few
// callers bring any.
import { decodeJwt, errors } from 'jose';
import type { App } from '../call.ts';
import { byAccessToken } from './accessTokens.ts';
import { authenticateForeign } from './issuers.ts';
import { isOurs } from './jwtTokens.ts';
import { authenticateTogether } from './together.ts';
import { type Authenticated, tokenHash } from './tokens.ts';

/** Undefined when the token may not be used. ISSUER_UNAVAILABLE. */
export async function authenticateJwt(
  app: App,
  token: string,
  now: Date,
  subject: string | undefined,
): Promise<Authenticated | undefined> {
  const issuer = issuerIn(token);
  if (issuer === app.settings.publicUrl) {
    if (!(await isOurs(app, token, now))) return undefined;
    return authenticateTogether(app.db, tokenHash(app.keys, token), now, subject ?? '', byAccessToken);
  }
  const foreign = app.settings.trustedIssuers.find((trusted) => trusted.issuer === issuer);
  return foreign && authenticateForeign(app, foreign, token, now, subject);
}

/** Believed by nobody yet: it says who is to be asked for the key. */
function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}
