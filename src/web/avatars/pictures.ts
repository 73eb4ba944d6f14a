// The avatars themselves, for whoever knows their URL: <img> sends no token.
import { findAvatar } from '../../features/avatar/service.ts';
import type { NodeRequest } from '../../server/handler.ts';
import type { Answer, Site } from './serveAvatars.ts';

const daySeconds = 24 * 60 * 60;

/**
 * A picture never changes at its URL, but may be gone: who has seen it may keep it for a day, and nobody else for him. It may
 * stand on pages of any origin, and is nothing but a picture, even as a page of its own.
 */
const headers = {
  'content-type': 'image/webp',
  'content-disposition': 'inline; filename="avatar.webp"',
  'cache-control': `private, max-age=${daySeconds}, immutable`,
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
};

const isKey = (text: string) => /^[\w-]{22}$/.test(text);

export async function show({ app }: Site, request: NodeRequest, key: string): Promise<Answer> {
  const image = isKey(key) ? await findAvatar(app, key) : undefined;
  if (!image) return { status: 404 };
  const etag = `"${key}"`;
  if (request.headers['if-none-match']?.includes(etag)) return { status: 304, headers: { ...headers, etag } };
  return { status: 200, headers: { ...headers, etag }, body: image };
}
