import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { domainOf, textKey } from '../../src/kernel/names.ts';

const spellingsOf = (text: string) => [text.toUpperCase(), text.toLowerCase(), text.normalize('NFKC'), text.normalize('NFD')];

/** Every character that has more than one spelling. */
function* spelledOtherwise(): Generator<string> {
  for (let point = 1; point < 0x110000; point++) {
    const character = String.fromCodePoint(point);
    if (character.isWellFormed() && spellingsOf(character).some((spelling) => spelling !== character)) yield character;
  }
}

describe('the compared form', () => {
  test.each([
    ['letter case', 'Ada.Lovelace', 'aDA.lOVELACE'],
    ['sharp s', 'Straße', 'STRASSE'],
    ['capital sharp s', 'STRAẞE', 'straße'],
    ['full width', 'Ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'ada@example.com'],
    ['composed and decomposed', 'Zo\u00eb', 'Zoe\u0308'],
    ['order of combining marks', 'a\u0323\u0301', 'a\u0301\u0323'],
    ['ligature', 'ﬁne', 'FINE'],
    ['final sigma', 'ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
    ['Kelvin sign', '\u212aelvin', 'kelvin'],
    ['iota subscript', 'ᾳ', 'ΑΙ'],
    ['Cherokee, whose small letters came last', 'ꭰ', 'Ꭰ'],
    ['letters outside the first plane', '𐐨', '𐐀'],
    ['mathematical letters', '𝐚𝐝𝐚', 'ADA'],
  ])('is one for %s', (_, one, other) => {
    expect(textKey(one)).toBe(textKey(other));
  });

  test.each([
    ['accents', 'Zoë', 'Zoe'],
    ['inner spaces', 'a b', 'ab'],
    ['other letters that look alike', 'аda', 'ada'],
    ['punctuation', 'a.b', 'ab'],
  ])('differs for %s', (_, one, other) => {
    expect(textKey(one)).not.toBe(textKey(other));
  });

  test('is the same for every spelling of every character', () => {
    const split: string[] = [];
    for (const character of spelledOtherwise()) {
      const key = textKey(character);
      if ([...spellingsOf(character), key].some((spelling) => textKey(spelling) !== key)) split.push(character);
    }
    expect(split).toEqual([]);
  });

  test('of a text consists of the compared forms of its parts, and is its own', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(fc.property(text, text, (left, right) => textKey(`${left}x${right}`) === `${textKey(left)}x${textKey(right)}`));
    fc.assert(fc.property(text, (any) => textKey(textKey(any)) === textKey(any)));
  });
});

describe('the domain of a username', () => {
  test.each([
    ['ada@example.com', 'example.com'],
    ['ada@home@Example.COM', 'example.com'],
    ['ada＠example．com', 'example.com'],
    ['ada\ufe6bexample.com', 'example.com'],
    ['@example.com', 'example.com'],
    ['ada', undefined],
    ['ada@', undefined],
    ['', undefined],
  ])('of %s is %s', (username, domain) => {
    expect(domainOf(username)).toBe(domain);
  });
});
