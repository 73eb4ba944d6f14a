import { escapeHtml } from '../kernel/wording.ts';
import { type Fields, maximumCode } from './fields.ts';
import type { Page } from './pages.ts';
import { style } from './style.ts';
import type { PageTexts } from './texts.ts';

/** What went wrong, and the field to correct. */
export interface Problem {
  text: string;
  field: FieldName | undefined;
}

export type FieldName = 'code' | 'password' | 'repeat';

/** A whole page; `heading` is ours, `main` is HTML. */
function document(texts: PageTexts, product: string, title: string, heading: string, main: string): string {
  return `<!doctype html>
<html lang="${escapeHtml(texts.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`${title} – ${product}`)}</title>
<style>${style}</style>
</head>
<body>
<main>
<p class="product">${escapeHtml(product)}</p>
<h1>${escapeHtml(heading)}</h1>
${main}
</main>
</body>
</html>
`;
}

/** A page that only tells something. */
export const tellingPage = (texts: PageTexts, product: string, title: string, about: string): string =>
  document(texts, product, title, title, `<p>${escapeHtml(about)}</p>`);

export interface FormPage {
  page: Page;
  texts: PageTexts;
  product: string;
  /** Where the form goes: a path. */
  action: string;
  fields: Fields;
  token: string;
  problem: Problem | undefined;
}

/** The page with the form, and with what was wrong when it was sent before. It works without scripts. */
export function formPage({ page, texts, product, action, fields, token, problem }: FormPage): string {
  const words = texts.pages[page.name];
  const input = (name: FieldName, label: string, attributes: string) => {
    const wrong = problem?.field === name;
    const state = wrong ? ' aria-invalid="true" aria-describedby="problem" autofocus' : '';
    return `<label for="${name}">${escapeHtml(label)}</label>
<input id="${name}" name="${name}" ${attributes} required${state}>`;
  };
  const secret = 'type="password" autocomplete="new-password"';
  const inputs = [
    input(
      'code',
      texts.fields.code,
      `type="text" value="${escapeHtml(fields.code)}" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="${maximumCode}"`,
    ),
    ...(page.asksPassword
      ? [input('password', texts.fields.password, secret), input('repeat', texts.fields.repeat, secret)]
      : []),
  ];
  const main = `${problem ? summary(texts, problem) : ''}<p>${escapeHtml(words.about)}</p>
<form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<input type="hidden" name="userID" value="${escapeHtml(fields.userId)}">
${inputs.join('\n')}
<button type="submit">${escapeHtml(words.button)}</button>
</form>`;
  const title = problem ? `${texts.problem}: ${words.title}` : words.title;
  return document(texts, product, title, words.title, main);
}

function summary(texts: PageTexts, { text, field }: Problem): string {
  const told = escapeHtml(text);
  return `<div class="problem" role="alert">
<h2>${escapeHtml(texts.problem)}</h2>
<p id="problem">${field ? `<a href="#${field}">${told}</a>` : told}</p>
</div>
`;
}
