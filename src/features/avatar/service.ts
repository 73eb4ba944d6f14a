// Owns: the avatar of a person: who may change it, and what becomes of the bytes that come (picture.ts). The user's row
// knows its key alone. Leaves to features/user what its URL is, and to src/web/avatars how it is served.
import { randomBytes } from 'node:crypto';
import { authorize } from '../../kernel/auth/authorize.ts';
import { type App, type Call, transaction, type UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { type Details, detailsOf, record } from '../user/events.ts';
import { findUser, lockUser } from '../user/repository.ts';
import type { PictureType } from './limits.ts';
import { remake } from './picture.ts';
import { deleteAvatar, findImage, saveAvatar } from './repository.ts';

/** 128 bits: the URL of an avatar is all that one needs to see it, and no two uploads share one. */
const newKey = (): string => randomBytes(16).toString('base64url');

/** Only people have one: a machine is told of as somebody who does not exist. */
function authorizePerson(call: Call, found: UserRow | undefined): UserRow {
  const user = authorize(call, found);
  if (user.type !== 'human') throw failure('USER_NOT_FOUND');
  return user;
}

/** Whether the caller may upload one, before anything is read of it: USER_NOT_FOUND, PERMISSION_DENIED. */
export async function checkUpload(call: Call, userId: string): Promise<void> {
  authorizePerson(call, await findUser(call.db, userId));
}

/** Returns the key of the new avatar; the one before is gone. Errors as of `checkUpload` and `remake`. */
export async function setAvatar(call: Call, userId: string, bytes: Buffer, type: PictureType): Promise<string> {
  const image = await remake(call, bytes, type);
  const key = newKey();
  await transaction(call, async (tx) => {
    authorizePerson(tx, await lockUser(tx, userId));
    await saveAvatar(tx, userId, key, image);
    await record(tx, userId, { type: 'avatar.changed' }, { avatarKey: key });
  });
  return key;
}

/** Nobody minds when there is none. */
export function removeHumanAvatar(call: Call, userId: string): Promise<Details> {
  return transaction(call, async (tx) => {
    const user = authorizePerson(tx, await lockUser(tx, userId));
    if (user.avatarKey === '') return detailsOf(user);
    await deleteAvatar(tx, userId);
    return record(tx, userId, { type: 'avatar.removed' }, { avatarKey: '' });
  });
}

/** The WebP of a key, for whoever knows it. */
export const findAvatar = ({ db }: App, key: string): Promise<Buffer | undefined> => findImage(db, key);
