// The tokens that machines get for a key or a secret, opaque ones and JWTs: how long they live, and whom each stands for. A
// JWT counts no longer than its row does, like any other token.
import { randomBytes } from 'node:crypto';
import { accessTokens } from '../db/schema.ts';
import { bearersIn } from './tokens.ts';

/** Milliseconds, as in the original. */
export const accessTokenLifetimeMs = 12 * 3_600_000;

const prefix = 'roster_at_';

/** 256 bits (ASVS 7.2.3 asks for 128). */
export const newAccessToken = (): string => prefix + randomBytes(32).toString('base64url');

export const isAccessToken = (token: string): boolean => token.startsWith(prefix);

/** Whether a token has the form of a signed JWT (RFC 7515, 3.1), which begins with a brace. */
export const isJwt = (token: string): boolean => /^e[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

/** Whom an access token stands for that is opaque, or whose signature has been looked at. What took one away took its row. */
export const findByAccessToken = bearersIn(accessTokens, 'find_by_access_token');
