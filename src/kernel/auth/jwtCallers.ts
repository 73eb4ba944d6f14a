// Whom a JWT stands for: one of ours, or one of an issuer that the configuration trusts. Loaded when one is seen: few
// callers bring any.
import { decodeJwt, errors } from 'jose';
import { findByAccessToken } from './accessTokens.ts';
import { findByForeignToken } from './issuers.ts';
import { isOurs } from './jwtTokens.ts';
import type { Find } from './subjects.ts';

export const findByJwt: Find = async (app, token, time, ids) => {
  const issuer = issuerIn(token);
  if (issuer === app.settings.publicUrl)
    return (await isOurs(app, token, time)) ? findByAccessToken(app, token, time, ids) : undefined;
  const foreign = app.settings.trustedIssuers.find((trusted) => trusted.issuer === issuer);
  return foreign && findByForeignToken(app, foreign, token, time, ids);
};

/** Believed by nobody yet: it says who is to be asked for the key. */
function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}
