/** Where providers send browsers back to; it has to be known to them. */
export const callbackPath = '/idps/callback';

/** Where a site that hands over signed tokens (JWT) sends people back to. */
export const jwtPath = '/idps/jwt';
