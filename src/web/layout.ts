import { escapeHtml } from '../kernel/wording.ts';
import { style } from './style.ts';
import type { PageTexts } from './texts.ts';

export type FieldName = 'code' | 'password' | 'repeat' | 'digits';

/** What went wrong, and the field to correct. */
export interface Problem {
  text: string;
  field: FieldName | undefined;
}

export interface Surroundings {
  texts: PageTexts;
  product: string;
}

interface Content {
  title: string;
  problem?: Problem | undefined;
  /** HTML, below the heading and the problem. */
  main: string;
  /** Has more to show than a form. */
  wide?: boolean;
}

/** A whole page. */
export function htmlPage({ texts, product }: Surroundings, { title, problem, main, wide = false }: Content): string {
  return `<!doctype html>
<html lang="${escapeHtml(texts.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(documentTitle(product, problem ? `${texts.problem}: ${title}` : title))}</title>
<style>${style}</style>
</head>
<body>
<main${wide ? ' class="wide"' : ''}>
<p class="product">${escapeHtml(product)}</p>
<h1>${escapeHtml(title)}</h1>
${problem ? summary(texts, problem) : ''}${main}
</main>
</body>
</html>
`;
}

/** What a window is called. */
export const documentTitle = (product: string, title: string): string => `${title} – ${product}`;

/** A page that only tells something. */
export const tellingPage = (surroundings: Surroundings, title: string, about: string): string =>
  htmlPage(surroundings, { title, main: paragraph(about) });

export const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;

/** Fields that nobody sees. */
export const hiddenFields = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`)
    .join('\n');

/** A field with its label, and the focus if it is the one to correct; `attributes` is HTML. */
export function inputField(name: FieldName, label: string, attributes: string, problem: Problem | undefined): string {
  const state = problem?.field === name ? ' aria-invalid="true" aria-describedby="problem" autofocus' : '';
  return `<label for="${name}">${escapeHtml(label)}</label>
<input id="${name}" name="${name}" ${attributes} required${state}>`;
}

function summary(texts: PageTexts, { text, field }: Problem): string {
  const told = escapeHtml(text);
  return `<div class="problem" role="alert">
<h2>${escapeHtml(texts.problem)}</h2>
<p id="problem">${field ? `<a href="#${field}">${told}</a>` : told}</p>
</div>
`;
}
