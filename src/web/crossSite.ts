import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { NodeRequest } from '../server/handler.ts';

/** Random bytes that tie a form to the browser it was made for. */
const tokenBytes = 32;
const tokenForm = /^[\w-]{43}$/;

/** A cookie with this prefix was set by this host over https, and by no other host of its domain (RFC 6265bis, 4.1.3.2). */
const cookieName = (secure: boolean) => (secure ? '__Host-roster-form' : 'roster-form');

/** The token that the browser has, or a new one: several open pages share one. */
export const tokenOf = (request: NodeRequest, secure: boolean): string =>
  cookieOf(request, secure) ?? randomBytes(tokenBytes).toString('base64url');

/** Ends with the browser; sent along by our own pages only, read by no script. */
export const tokenCookie = (token: string, secure: boolean): string =>
  `${cookieName(secure)}=${token}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;

function cookieOf(request: NodeRequest, secure: boolean): string | undefined {
  const prefix = `${cookieName(secure)}=`;
  const pair = (request.headers.cookie ?? '').split(/; */).find((part) => part.startsWith(prefix));
  const token = pair?.slice(prefix.length);
  return token !== undefined && tokenForm.test(token) ? token : undefined;
}

/**
 * Whether a browser says that another site, or another host of the same domain, made it send this. The Origin header
 * would not tell: with our Referrer-Policy it is "null" for our own forms too.
 */
export function comesFromElsewhere(request: NodeRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether a form was made for the browser that sends it: another site can neither read nor set the cookie. */
export function isOwnForm(request: NodeRequest, field: string | null, secure: boolean): boolean {
  const cookie = cookieOf(request, secure);
  if (cookie === undefined || field === null || !tokenForm.test(field)) return false;
  return timingSafeEqual(Buffer.from(cookie), Buffer.from(field));
}
