// How mails and pages put values into words and words into HTML.

/** Characters of a name that is repeated to somebody at most, the ellipsis of a longer one included. */
export const maximumName = 60;

/**
 * Somebody else's text as one line of plain text: no control characters, nothing that turns the direction of the text
 * around it, no half surrogates, at most `maximumName` characters.
 */
export function plainName(text: string): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  const characters = Array.from(line);
  return characters.length <= maximumName ? line : `${characters.slice(0, maximumName - 1).join('')}…`;
}

/** A sentence of ours with its `{name}`s filled in, in one pass: what a value holds is never looked at. */
export const fill = (sentence: string, values: Readonly<Record<string, string>>): string =>
  sentence.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');

/** As text or as an attribute in quotes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const secondMs = 1000;
const minuteMs = 60 * secondMs;

/** The largest unit that loses nothing of a time rounded to minutes: "45 minutes", "1 hour", "3 days". */
export function durationInWords(ms: number, language: string): string {
  const inWords = (count: number, unit: string) =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
  if (ms < minuteMs) return inWords(Math.max(1, Math.ceil(ms / secondMs)), 'second');
  const minutes = Math.round(ms / minuteMs);
  if (minutes < 120 && minutes !== 60) return inWords(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  return hours >= 48 && hours % 24 === 0 ? inWords(hours / 24, 'day') : inWords(hours, 'hour');
}
