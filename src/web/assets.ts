import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Route } from './visit.ts';

export const scriptPath = '/ui/assets/passkey.js';
export const docsScriptPath = '/ui/assets/docs.js';
export const openApiPath = '/openapi.json';

const javaScript = 'text/javascript; charset=utf-8';

/** Made by `npm run generate`. */
export const assetRoutes: ReadonlyMap<string, Route> = new Map([
  [scriptPath, assetIn('passkey.js', javaScript)],
  [docsScriptPath, assetIn('docs.js', javaScript)],
  [openApiPath, assetIn('openapi.json', 'application/json')],
]);

interface Asset {
  body: string;
  headers: { etag: string; 'cache-control': string };
}

/** Read when it is asked for first. */
function assetIn(name: string, contentType: string): Route {
  let known: Asset | undefined;
  return {
    name,
    get: ({ request }) => {
      known ??= read(name);
      const { body, headers } = known;
      if (knows(request.headers['if-none-match'], headers.etag)) return { status: 304, headers };
      return { status: 200, headers: { ...headers, 'content-type': contentType }, body };
    },
  };
}

function read(name: string): Asset {
  const body = readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  // Asked for anew each time, as a process of another version may have answered before; sent when it has changed.
  return { body, headers: { etag, 'cache-control': 'no-cache' } };
}

/** RFC 9110, 13.1.2; a proxy that compresses makes it a weak one. */
const knows = (tags = '', etag: string): boolean =>
  tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*');
