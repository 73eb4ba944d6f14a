import { styleHash } from './style.ts';

const policy = (scripts: string) =>
  `default-src 'none'; style-src ${styleHash};${scripts} form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

/** One style, nothing to load, nothing to run, forms to ourselves, and no frame around it. */
export const pagePolicy = policy('');

/** For the page that browsers' passkeys need a script for: our own, which speaks to us alone. */
export const scriptPolicy = policy(" script-src 'self'; connect-src 'self';");
