import { pagePaths } from '../../kernel/links.ts';

const folder = pagePaths.passkey.slice(0, pagePaths.passkey.lastIndexOf('/'));

/** The page that a registration link leads to, and what its script asks for. */
export const passkeyPaths = { page: pagePaths.passkey, start: `${folder}/start`, finish: `${folder}/finish` } as const;
