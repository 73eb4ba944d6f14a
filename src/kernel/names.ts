/**
 * The one form in which usernames, e-mails and names are compared: decomposed (NFKD) and case-folded, so that letter
 * case and Unicode spelling make no difference. Decomposed, because then the form of a part is part of the form of the
 * whole, which is what lets one index serve "contains" with and without letter case.
 */
export const textKey = (text: string): string =>
  isAscii.test(text) ? text.toLowerCase() : caseFold(text.normalize('NFKD')).normalize('NFKD');

/** Most texts are; the short way comes to the same for them. */
const isAscii = /^\p{ASCII}*$/u;

// Lower, upper, lower: "ẞ", "ß" and "SS", "ς" and "Σ" meet. By code point: the last sigma of a word is folded like any other.
const caseFold = (text: string) => Array.from(text, (point) => point.toLowerCase().toUpperCase().toLowerCase()).join('');

/** The part after the last "@" of the compared form, which knows only one spelling of "@"; undefined without one. */
export function domainOf(username: string): string | undefined {
  const key = textKey(username);
  const at = key.lastIndexOf('@');
  return at < 0 || at === key.length - 1 ? undefined : key.slice(at + 1);
}
