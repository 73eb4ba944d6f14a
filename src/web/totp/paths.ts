import { pagePaths } from '../../kernel/links.ts';

const folder = pagePaths.passkey.slice(0, pagePaths.passkey.lastIndexOf('/'));

/** An authenticator app instead of a passkey: the secret, and the proof that the app has it. */
export const totpPaths = { start: `${folder}/totp`, finish: `${folder}/totp/verify` } as const;
