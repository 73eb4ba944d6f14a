import { randomInt } from 'node:crypto';

export const upperDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const lettersDigits = `abcdefghijklmnopqrstuvwxyz${upperDigits}`;

/** Characters drawn from a CSPRNG, each equally likely (`randomInt` has no modulo bias). */
export const randomText = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
