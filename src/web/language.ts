import { de } from './de.ts';
import { en } from './en.ts';
import type { PageTexts } from './texts.ts';

const known: readonly PageTexts[] = [en, de];

/** The texts in the language that an Accept-Language header likes best of those there are (RFC 9110, 12.5.4), else English. */
export function textsFor(accepted = ''): PageTexts {
  const wishes = accepted
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return { language: tag.split('-', 1)[0], weight: weight === undefined ? 1 : Number(weight) || 0 };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight);
  for (const wish of wishes) {
    const texts = known.find(({ language }) => language === wish.language);
    if (texts) return texts;
  }
  return en;
}
