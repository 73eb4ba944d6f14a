import type { App, UserRow } from '../../kernel/call.ts';

/** Avatars are served below it, by their key. */
export const avatarsPath = '/assets/v1/avatars/';

/** Where anybody finds a user's avatar; empty without one. It begins with the configured URL, whatever host a request names. */
export const avatarUrl = ({ settings }: Pick<App, 'settings'>, { avatarKey }: Pick<UserRow, 'avatarKey'>): string =>
  avatarKey === '' ? '' : `${settings.publicUrl}${avatarsPath}${avatarKey}`;
