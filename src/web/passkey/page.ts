// The page that a registration link leads to. Its form is for the script; the way to an authenticator app needs none.
import { escapeHtml, fill } from '../../kernel/wording.ts';
import { scriptPath } from '../assets.ts';
import { documentTitle, hiddenFields, htmlPage, paragraph } from '../layout.ts';
import { formFieldsOf, type LinkFields } from '../linkFields.ts';
import { scriptPolicy } from '../policy.ts';
import { totpPaths } from '../totp/paths.ts';
import { type Answer, tokenFor, type Visit } from '../visit.ts';
import { passkeyPaths } from './paths.ts';
import type { ScriptWords } from './script.ts';

/** Characters at most, as the RPC takes them. */
export const maximumName = 200;

export function passkeyPage(visit: Visit, link: LinkFields): Answer {
  const { texts, request } = visit;
  const words = texts.passkey;
  const { token, headers } = tokenFor(visit);
  const fields = hiddenFields({ token, ...formFieldsOf(link) });
  const name = nameFor(request.headers['user-agent'], words.names);
  const main = `<div id="alert" role="alert"></div>
${paragraph(words.about)}
<p id="unsupported">${escapeHtml(words.unsupported)}</p>
<form id="passkey" hidden data-words="${escapeHtml(JSON.stringify(wordsOf(visit)))}">
${fields}
<label for="name">${escapeHtml(words.name)}</label>
<input id="name" name="name" type="text" value="${escapeHtml(name)}" autocomplete="off" maxlength="${maximumName}" pattern=".*\\S.*" required>
<button type="submit">${escapeHtml(words.button)}</button>
</form>
<div id="status" role="status"></div>
<form id="instead" method="post" action="${totpPaths.start}">
${fields}
<button type="submit" class="other">${escapeHtml(words.instead)}</button>
</form>
<script src="${scriptPath}"></script>`;
  const body = htmlPage(visit, { title: words.title, main });
  return { status: 200, headers: { ...headers, 'content-security-policy': scriptPolicy }, body };
}

function wordsOf({ texts, product }: Visit): ScriptWords {
  const { title, waiting, known, cancelled, unfit, doneTitle, done } = texts.passkey;
  const { link, away } = texts.registrationLink;
  return {
    paths: { start: passkeyPaths.start, finish: passkeyPaths.finish },
    titles: {
      plain: documentTitle(product, title),
      problem: documentTitle(product, `${texts.problem}: ${title}`),
      done: documentTitle(product, doneTitle),
    },
    problem: texts.problem,
    waiting,
    known,
    cancelled,
    unfit,
    over: link,
    away,
    done: { title: doneTitle, about: done },
  };
}

/** By a word that the User-Agent of browsers on them has; Android's has "Linux" too. */
const devices = Object.entries({
  iPhone: 'iPhone',
  iPad: 'iPad',
  Android: 'Android',
  Windows: 'Windows',
  Macintosh: 'Mac',
  CrOS: 'ChromeOS',
  Linux: 'Linux',
});

function nameFor(userAgent = '', names: { plain: string; onDevice: string }): string {
  const [, device] = devices.find(([word]) => userAgent.includes(word)) ?? [];
  return device === undefined ? names.plain : fill(names.onDevice, { device });
}
