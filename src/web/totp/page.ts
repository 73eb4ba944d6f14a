import { renderSVG } from 'uqr';
import type { Enrolment } from '../../features/totp/service.ts';
import { escapeHtml } from '../../kernel/wording.ts';
import { hiddenFields, htmlPage, inputField, type Problem, paragraph } from '../layout.ts';
import { formFieldsOf, type LinkFields } from '../linkFields.ts';
import { type Answer, tokenFor, type Visit } from '../visit.ts';
import { totpPaths } from './paths.ts';

/** Modules of white around a QR code that scanners rely on (ISO/IEC 18004, 6.3.8). */
const quietZone = 4;

/** The secret, to be scanned or typed, and the field for the app's answer. */
export const secretPage = (visit: Visit, link: LinkFields, { uri, secret }: Enrolment): Answer => {
  const { about, qr, secret: label } = visit.texts.totp;
  // Drawn black on white whatever the page's colours are: not every scanner reads it otherwise.
  const shown = `${paragraph(about)}
<div class="qr" role="img" aria-label="${escapeHtml(qr)}">${renderSVG(uri, { border: quietZone })}</div>
<p id="secret">${escapeHtml(label)} <code>${inGroups(secret)}</code></p>`;
  return page(visit, link, 200, { above: shown, digits: true });
};

/** The field alone: the app has the secret already. */
export const verifyPage = (visit: Visit, link: LinkFields, status: number, problem: Problem): Answer =>
  page(visit, link, status, { above: paragraph(visit.texts.totp.again), digits: true, problem });

/** Nothing but the way to begin. */
export const startPage = (visit: Visit, link: LinkFields, status: number, problem: Problem): Answer =>
  page(visit, link, status, { above: '', digits: false, problem });

/** Nothing to try again with this link. */
export const problemPage = (visit: Visit, status: number, problem: Problem): Answer => ({
  status,
  body: htmlPage(visit, { title: visit.texts.totp.title, problem, main: '' }),
});

interface Content {
  /** HTML. */
  above: string;
  /** Whether the digits are asked for. */
  digits: boolean;
  problem?: Problem;
}

function page(visit: Visit, link: LinkFields, status: number, { above, digits, problem }: Content): Answer {
  const { token, headers } = tokenFor(visit);
  const words = visit.texts.totp;
  const fields = hiddenFields({ token, ...formFieldsOf(link) });
  const attributes = 'type="text" inputmode="numeric" autocomplete="one-time-code" maxlength="10"';
  const verify = `<form method="post" action="${totpPaths.finish}">
${fields}
${inputField('digits', words.digits, attributes, problem)}
<button type="submit">${escapeHtml(words.button)}</button>
</form>`;
  const start = `<form method="post" action="${totpPaths.start}">
${fields}
<button type="submit"${digits ? ' class="other"' : ''}>${escapeHtml(digits ? words.anew : words.start)}</button>
</form>`;
  const main = [above, ...(digits ? [verify] : []), ...(problem ? [start] : [])].join('\n');
  return { status, headers, body: htmlPage(visit, { title: words.title, problem, main }) };
}

/** In groups of four, as people type it. */
const inGroups = (secret: string): string => (secret.match(/.{1,4}/g) ?? []).join(' ');
