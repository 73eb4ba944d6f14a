/** Where providers send browsers back to; it has to be known to them. */
export const callbackPath = '/idps/callback';
