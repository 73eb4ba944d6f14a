import { readFileSync } from 'node:fs';

/**
 * Passwords that guessers try first: one a line, lower case, sorted; written by `npm run generate` from the dictionary
 * of @zxcvbn-ts/language-common. Kept as the bytes of the file: a set of strings would take ten times their memory.
 */
const list = readFileSync(new URL('./commonPasswords.txt', import.meta.url));

/** Whether a password, given in NFKC, stands on the list in any letter case. */
export const isCommon = (password: string): boolean => list.includes(`\n${password.toLowerCase()}\n`);
