// The only script of the pages: it hands to the browser what the service asks of a passkey, and back what the browser
// answers. Bundled into ../assets by `npm run generate`.
import {
  browserSupportsWebAuthn,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
  startRegistration,
} from '@simplewebauthn/browser';
import type { Refused, ScriptWords } from '../passkey/script.ts';

interface Started {
  id: string;
  options: { publicKey: PublicKeyCredentialCreationOptionsJSON };
}

/** A registration that waits for the browser's answer. */
interface Begun extends Started {
  /** Milliseconds since 1970. */
  until: number;
  /** Kept until the service has looked at it. */
  credential?: RegistrationResponseJSON | undefined;
}

const standardMs = 5 * 60 * 1000;

const element = <T extends HTMLElement>(id: string, kind: new () => T): T => {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
};

const form = element('passkey', HTMLFormElement);
const instead = element('instead', HTMLFormElement);
const alert = element('alert', HTMLDivElement);
const status = element('status', HTMLDivElement);
const words: ScriptWords = JSON.parse(form.dataset.words ?? '{}');

let begun: Begun | undefined;
let busy = false;

const text = (tag: 'h2' | 'p', content: string) => Object.assign(document.createElement(tag), { textContent: content });

function complain(problem: string | undefined): void {
  const box = Object.assign(document.createElement('div'), { className: 'problem' });
  box.append(text('h2', words.problem), text('p', problem ?? ''));
  alert.replaceChildren(...(problem === undefined ? [] : [box]));
  document.title = problem === undefined ? words.titles.plain : words.titles.problem;
}

/** What the service answers; without an answer that we know, what to say instead. */
async function ask<T extends object>(path: string, fields: Record<string, string>): Promise<T | (Refused & { status: number })> {
  const away = { problem: words.away, status: 503 };
  try {
    const response = await fetch(path, { method: 'POST', body: new URLSearchParams(fields) });
    const told: T | Refused = await response.json();
    if (!('problem' in told)) return response.ok ? told : away;
    if (told.token !== undefined) for (const { elements } of [form, instead]) replaceToken(elements, told.token);
    return { ...told, status: response.status };
  } catch {
    return away;
  }
}

function replaceToken(elements: HTMLFormControlsCollection, token: string): void {
  const field = elements.namedItem('token');
  if (field instanceof HTMLInputElement) field.value = token;
}

/** Returns what is wrong. */
async function create(): Promise<string | undefined> {
  const fields: Record<string, string> = {};
  for (const [key, value] of new FormData(form)) if (typeof value === 'string') fields[key] = value;
  if (!begun) {
    const started = await ask<Started>(words.paths.start, fields);
    if ('problem' in started) return started.problem;
    begun = { ...started, until: Date.now() + (started.options.publicKey.timeout ?? standardMs) };
    // The link is used up.
    instead.hidden = true;
  }
  if (Date.now() > begun.until) return words.over;
  try {
    begun.credential ??= await startRegistration({ optionsJSON: begun.options.publicKey });
  } catch (error) {
    return explain(error);
  }
  const { token = '', userID = '' } = fields;
  const registered = { token, userID, id: begun.id, name: fields.name ?? '', credential: JSON.stringify(begun.credential) };
  const finished = await ask<object>(words.paths.finish, registered);
  if (!('problem' in finished)) return undefined;
  // Refused for good; anything else can be sent again.
  if (finished.status === 422) begun.credential = undefined;
  return finished.problem;
}

/** WebAuthn Level 3, 5.1.3: by the name of the exception. */
function explain(error: unknown): string {
  switch (error instanceof Error ? error.name : '') {
    case 'InvalidStateError':
      return words.known;
    case 'NotAllowedError':
    case 'AbortError':
      return words.cancelled;
  }
  return words.unfit;
}

function finish(): void {
  const heading = document.querySelector('h1');
  const main = document.querySelector('main');
  if (!heading || !main) return;
  document.title = words.titles.done;
  heading.textContent = words.done.title;
  for (const part of [...main.children]) if (part !== heading && !part.classList.contains('product')) part.remove();
  main.append(text('p', words.done.about));
  // What had the focus is gone; here a screen reader goes on.
  heading.tabIndex = -1;
  heading.focus();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (busy) return;
  busy = true;
  complain(undefined);
  status.replaceChildren(text('p', words.waiting));
  const problem = await create();
  status.replaceChildren();
  busy = false;
  if (problem === undefined) finish();
  else complain(problem);
});

if (browserSupportsWebAuthn()) {
  element('unsupported', HTMLParagraphElement).hidden = true;
  form.hidden = false;
}
// The address holds the code: it is in the forms now, and need not stay in the history.
history.replaceState(null, '', location.pathname);
