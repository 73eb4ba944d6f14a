// The script of /docs: shows what /openapi.json describes, and sends what is filled in. Bundled into ../assets by
// `npm run generate`. All text goes into the page as text.
import { type Description, kindOf, type Operation, type Parameter, resolved, type Schema, skeletonOf } from './openApi.ts';

const element = <T extends HTMLElement>(id: string, kind: new () => T): T => {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
};

const token = element('token', HTMLInputElement);
const filter = element('filter', HTMLInputElement);
const calls = element('calls', HTMLDivElement);

type Tag = keyof HTMLElementTagNameMap;

function make<T extends Tag>(tag: T, text = '', attributes: Readonly<Record<string, string>> = {}): HTMLElementTagNameMap[T] {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Something to open; what is in it is made then. */
function folded(summary: readonly (string | Node)[], fill: () => Node[]): HTMLDetailsElement {
  const made = make('details');
  const heading = make('summary');
  heading.append(...summary);
  made.append(heading);
  made.addEventListener('toggle', () => made.childElementCount === 1 && made.append(...fill()));
  return made;
}

function fieldsOf(description: Description, schema: Schema): Node[] {
  const { schema: own } = resolved(description, schema);
  const inner = own.items ?? own.additionalProperties;
  if (inner) return fieldsOf(description, inner);
  return Object.entries(own.properties ?? {}).map(([name, field]) => {
    const needed = own.required?.includes(name) ? ', required' : '';
    const heading = [make('code', name), ` ${kindOf(description, field)}${needed}`];
    return folded(heading, () => [
      make('p', field.description ?? resolved(description, field).schema.description ?? '', { class: 'told' }),
      ...fieldsOf(description, field),
    ]);
  });
}

let inputs = 0;

function labelled<T extends HTMLElement>(text: string, input: T): T {
  input.id = `input${++inputs}`;
  input.before(make('label', text, { for: input.id }));
  return input;
}

function inputFor(form: HTMLFormElement, { name, in: place, required, description }: Parameter): () => string[] {
  const input = make('input', '', { autocomplete: 'off', spellcheck: 'false', ...(required && { required: '' }) });
  form.append(input);
  labelled(`${name} (${place}${required ? ', required' : ''})`, input);
  if (description) input.title = description;
  return () => (input.value === '' ? [] : [input.value]);
}

/** Lists are given with commas. */
const valuesOf = ({ schema }: Parameter, [value]: string[]): string[] => {
  if (value === undefined) return [];
  return schema.type === 'array' ? value.split(',').map((one) => one.trim()) : [value];
};

function formFor(description: Description, verb: string, path: string, operation: Operation): HTMLFormElement {
  const form = make('form');
  const read = (operation.parameters ?? []).map((parameter) => ({ parameter, value: inputFor(form, parameter) }));
  const schema = operation.requestBody?.content['application/json'].schema;
  const body = make('textarea', '', { rows: '10', spellcheck: 'false' });
  if (schema) {
    form.append(body);
    labelled('Body', body);
    body.value = JSON.stringify(skeletonOf(description, schema), undefined, 2);
  }
  const answer = make('div', '', { role: 'status' });
  form.append(make('button', 'Send', { type: 'submit' }), answer);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (token.value !== '') headers.authorization = `Bearer ${token.value.trim()}`;
    const query = new URLSearchParams();
    let url = path;
    for (const { parameter, value } of read) {
      for (const one of valuesOf(parameter, value())) {
        if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encodeURIComponent(one));
        else if (parameter.in === 'query') query.append(parameter.name, one);
        else headers[parameter.name] = one;
      }
    }
    if (query.size > 0) url += `?${query}`;
    answer.replaceChildren(make('p', 'Waiting for the answer.'));
    answer.replaceChildren(...(await send(url, { method: verb, headers, ...(schema && { body: body.value }) })));
  });
  return form;
}

async function send(url: string, request: RequestInit): Promise<Node[]> {
  try {
    const response = await fetch(url, request);
    return [make('p', `${request.method} ${url}: ${response.status}`), make('pre', pretty(await response.text()))];
  } catch {
    return [make('p', 'There is no answer.')];
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function callOf(description: Description, verb: string, path: string, operation: Operation): HTMLDetailsElement {
  const { summary, deprecated } = operation;
  const heading = [make('code', `${verb} ${path}`), ` ${deprecated ? 'Deprecated. ' : ''}${summary}`];
  return folded(heading, () => {
    const { requestBody, responses } = operation;
    const answer = Object.entries(responses).find(([status]) => status !== 'default')?.[1].content;
    const parts = [make('p', operation.description, { class: 'told' })];
    const shown = [
      requestBody &&
        folded(['Fields of the request'], () => fieldsOf(description, requestBody.content['application/json'].schema)),
      answer && folded(['Fields of the answer'], () => fieldsOf(description, answer['application/json'].schema)),
    ];
    return [...parts, ...shown.flatMap((part) => part ?? []), formFor(description, verb, path, operation)];
  });
}

interface Shown {
  call: HTMLElement;
  text: string;
}

function show(description: Description): void {
  for (const { name, description: about } of description.tags) {
    const shown: Shown[] = [];
    const service = make('details', '', { open: '' });
    const list = make('div');
    const told = folded(['About the service'], () => [make('p', about, { class: 'told' })]);
    service.append(make('summary', name), told, list);
    for (const [path, verbs] of Object.entries(description.paths)) {
      for (const [verb, operation] of Object.entries(verbs)) {
        if (!operation.tags.includes(name)) continue;
        const call = callOf(description, verb.toUpperCase(), path, operation);
        list.append(call);
        shown.push({ call, text: `${verb} ${path} ${operation.operationId} ${operation.summary}`.toLowerCase() });
      }
    }
    calls.append(service);
    filter.addEventListener('input', () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const { call, text } of shown) call.hidden = !text.includes(wanted);
      service.hidden = shown.every(({ call }) => call.hidden);
    });
  }
}

async function start(): Promise<void> {
  const response = await fetch('/openapi.json');
  if (!response.ok) throw new Error(String(response.status));
  const description: Description = await response.json();
  show(description);
}

start().catch(() => {
  element('problem', HTMLDivElement).append(make('p', 'The description cannot be loaded. Load the page again.'));
});
