/** Characters of a name that a message repeats at most, the ellipsis of a longer one included. */
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

/** RFC 5322, 2.1.1 asks for 78 at most; a mail client that quotes the text adds some. */
const lineWidth = 76;

/** The text in lines of at most `lineWidth` characters; a longer word has a line of its own. */
export function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= lineWidth) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}
