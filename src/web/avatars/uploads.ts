// Changing the avatar of a user with a token, for whoever may change his profile.
import { maximumBytes } from '../../features/avatar/limits.ts';
import { pictureTypeOf } from '../../features/avatar/picture.ts';
import { checkUpload, removeHumanAvatar, setAvatar } from '../../features/avatar/service.ts';
import { avatarUrl } from '../../features/user/avatarUrl.ts';
import { failure } from '../../kernel/errors.ts';
import { profileAccess } from '../../server/access.ts';
import { authenticateRequest } from '../../server/authenticate.ts';
import type { NodeRequest } from '../../server/handler.ts';
import { readBody, UnreadableBody } from '../body.ts';
import type { Answer, Site } from './serveAvatars.ts';

export async function upload(site: Site, request: NodeRequest, userId: string): Promise<Answer> {
  const call = await authenticate(site, request);
  await checkUpload(call, userId);
  const type = pictureTypeOf(request.headers['content-type']?.trim().toLowerCase() ?? '');
  if (request.headers['content-encoding'] !== undefined) throw failure('AVATAR_TYPE_UNSUPPORTED');
  const avatarKey = await setAvatar(call, userId, await readPicture(request, site.uploadMs), type);
  return { status: 200, body: JSON.stringify({ avatarUrl: avatarUrl(site.app, { avatarKey }) }) };
}

export async function remove(site: Site, request: NodeRequest, userId: string): Promise<Answer> {
  await removeHumanAvatar(await authenticate(site, request), userId);
  return { status: 204 };
}

const authenticate = ({ app, networkOf }: Site, request: NodeRequest) =>
  authenticateRequest(app, profileAccess, request.headers.authorization, networkOf(request));

async function readPicture(request: NodeRequest, uploadMs: number): Promise<Buffer> {
  try {
    return await readBody(request, maximumBytes, uploadMs);
  } catch (error) {
    if (!(error instanceof UnreadableBody)) throw error;
    if (error.status === 413) throw failure('AVATAR_TOO_LARGE', { metadata: { maximum: String(maximumBytes) } });
    throw failure(error.status === 408 ? 'DEADLINE_EXCEEDED' : 'CANCELED');
  }
}
