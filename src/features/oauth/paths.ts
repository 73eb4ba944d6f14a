import type { App } from '../../kernel/call.ts';

/** Where the original's clients expect these; they stand on the public URL. */
export const oauthPaths = {
  openidConfiguration: '/.well-known/openid-configuration',
  serverMetadata: '/.well-known/oauth-authorization-server',
  keys: '/oauth/v2/keys',
  token: '/oauth/v2/token',
  introspection: '/oauth/v2/introspect',
  authorization: '/oauth/v2/authorize',
} as const;

/** What an assertion for us may say in `aud`: the issuer, or where it is sent to (RFC 7523, 3). */
export const audiencesOf = ({ settings: { publicUrl } }: Pick<App, 'settings'>): string[] => [
  publicUrl,
  publicUrl + oauthPaths.token,
  publicUrl + oauthPaths.introspection,
];
