import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Route } from './visit.ts';

/** Made of src/web/browser by `npm run generate`. */
const script = readFileSync(new URL('./assets/passkey.js', import.meta.url), 'utf8');
const etag = `"${createHash('sha256').update(script).digest('base64url')}"`;

export const scriptPath = '/ui/assets/passkey.js';

/** Asked for anew each time, as a process of another version may have answered before; sent when it has changed. */
const headers = { etag, 'cache-control': 'no-cache' };

export const assetRoutes: ReadonlyMap<string, Route> = new Map([
  [
    scriptPath,
    {
      name: 'script',
      get: ({ request }) => {
        if (knows(request.headers['if-none-match'])) return { status: 304, headers };
        return { status: 200, headers: { ...headers, 'content-type': 'text/javascript; charset=utf-8' }, body: script };
      },
    },
  ],
]);

/** RFC 9110, 13.1.2; a proxy that compresses makes it a weak one. */
const knows = (tags = ''): boolean =>
  tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*');
