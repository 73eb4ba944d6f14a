// Links in messages lead where the operator lets them, in every field that takes one: what could lead elsewhere, or be read
// in two ways, is refused before anything is written or sent.
import { type DescMethodUnary, fromJson, type JsonObject } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import { beforeAll, describe, expect, test } from 'vitest';
import { TryLimits } from '../../src/kernel/networks.ts';
import { accessOf } from '../../src/server/access.ts';
import { createHuman, createOrganization, leaveCode } from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { allFormsOf, valuesOf } from '../support/isolation/allForms.ts';
import { filled } from '../support/isolation/choices.ts';
import { idPlaces, withId } from '../support/isolation/ids.ts';
import { type Memory, remember } from '../support/isolation/memory.ts';
import { addSession } from '../support/isolation/sessions.ts';
import { noParts, type Part } from '../support/isolation/values.ts';
import { methodsTaking } from '../support/proofs.ts';
import { served } from '../support/rawCalls.ts';
import { epoch, startServer } from '../support/server.ts';

const publicHost = 'roster.example.com';
const listedHost = 'app.example.org';

interface Taking {
  method: DescMethodUnary;
  /** A request that has the field, and nothing else that is not needed. */
  json: JsonObject;
  path: (string | number)[];
  /** As an error names it. */
  field: string;
}

const takingLinks: Taking[] = served.flatMap(([, method]) => {
  const fields = new Map<string, Taking>();
  for (const { json } of allFormsOf(method.input)) {
    for (const { path } of valuesOf(json, 'urlTemplate')) {
      const field = nameOf(path);
      if (!fields.has(field)) fields.set(field, { method, json, path, field });
    }
  }
  return [...fields.values()];
});

function nameOf(path: readonly (string | number)[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${snakeCase(step)}`));
  return steps.join('').slice(1);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Refused wherever links may lead. */
const corpus: readonly string[] = [
  // Other schemes, and none.
  ...['javascript:alert({{.Code}})', 'JaVaScRiPt:alert(1)', 'java\tscript:alert(1)', ' javascript:alert(1)', 'vbscript:x'],
  ...[
    'data:text/html,<script>alert(1)</script>',
    'data:text/html;base64,PHNjcmlwdD4=',
    'file:///etc/passwd',
    'ftp://evil.example/',
  ],
  ...[
    'blob:https://evil.example/x',
    'view-source:https://evil.example/',
    'mailto:a@evil.example',
    'intent://evil.example#Intent;end',
  ],
  ...[
    '//evil.example/',
    '///evil.example/',
    '\\\\evil.example\\',
    '/\\evil.example/',
    '/ui/login',
    'evil.example/{{.Code}}',
    '?code={{.Code}}',
  ],
  ...[
    'https:evil.example/',
    'https:/evil.example/',
    'https:///evil.example/',
    'https://',
    'https:///',
    'https://?',
    'https://#x',
    'https://:443/',
  ],
  // Without encryption.
  ...[
    'http://evil.example/',
    `http://${publicHost}/{{.Code}}`,
    `http://${listedHost}/`,
    'http://localhost/',
    'http://127.0.0.1/',
    'http://[::1]/',
  ],
  // To the machine of whoever reads the mail.
  ...[
    'https://localhost/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
  ],
  // User info, which makes one host look like another.
  ...[
    `https://${publicHost}@evil.example/`,
    `https://${publicHost}:443@evil.example/`,
    `https://user:password@${publicHost}/`,
    `https://@${publicHost}/`,
  ],
  ...[
    `https://evil.example\\@${publicHost}/`,
    `https://${publicHost}\\@evil.example/`,
    `https://${publicHost}%40evil.example/`,
    `https://evil.example%2f@${publicHost}/`,
  ],
  // Hosts in another spelling.
  ...[
    'https://%65vil.example/',
    'https://evil%2Eexample/',
    'https://evil.example%00/',
    'https://evil%E3%80%82example/',
    'https://evil。example/',
    'https://ｅｖｉｌ.example/',
  ],
  ...[
    'https://rоster.example.com/',
    'https://roster.examplе.com/',
    'https://roſter.example.com/',
    'https://bücher.example/',
    'https://evil.example\u00ad/',
    'https://ev\u200bil.example/',
  ],
  ...[
    'https://[::ffff:127.0.0.1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::1',
    'https://[evil.example]/',
    'https://[fe80::1%25eth0]/',
    'https://1.2.3/',
    'https://0300.0.0.1/',
  ],
  ...[
    'https://evil.example:0443/',
    'https://evil.example:99999/',
    'https://evil.example:port/',
    'https://evil.example:/',
    'https://evil..example:-1/',
    'https://evil.example:443:443/',
  ],
  // What breaks a line, a header or a reader's eye.
  ...[
    `https://${publicHost}/\r\nBcc: a@evil.example`,
    `https://${publicHost}/\n`,
    `https://${publicHost}/\t`,
    `https://${publicHost}/ x`,
    `\u0001https://${publicHost}/`,
  ],
  ...[
    `https://${publicHost}/\u202emoc.live`,
    `https://${publicHost}/\u2028`,
    `https://${publicHost}/\u00a0`,
    `https://${publicHost}/\u0000`,
    `https://${publicHost}/\u0085`,
    `\ufeffhttps://${publicHost}/`,
  ],
  // Templates that are none, of another language, or in a place that decides where the link leads.
  ...[
    '{{',
    '}}',
    '{{.Code}}',
    `https://${publicHost}/{{`,
    `https://${publicHost}/}}`,
    `https://${publicHost}/{{.Unknown}}`,
    `https://${publicHost}/{{ .Code }`,
  ],
  ...[
    `https://${publicHost}/{{{.Code}}}`,
    `https://${publicHost}/{{Code}}`,
    `https://${publicHost}/{{.Code | html}}`,
    `https://${publicHost}/{{.Code.x}}`,
    `https://${publicHost}/{.Code}`,
  ],
  ...[
    `https://${publicHost}/{{.constructor}}`,
    `https://${publicHost}/{{.__proto__}}`,
    `https://${publicHost}/{{template "x"}}`,
    `https://${publicHost}/{{.LoginName}}`,
    `https://${publicHost}/{{.Password}}`,
  ],
  ...[
    `https://${publicHost}/\${x}`,
    `https://${publicHost}/{{.Сode}}`,
    `https://${publicHost}/{{.Code}}{{.Co\nde}}`,
    `https://${publicHost}/{{/* x */}}`,
    `https://${publicHost}/{{if 1}}x{{end}}`,
  ],
  ...[
    '{{.Code}}://evil.example/',
    'https:{{.Code}}//evil.example/',
    'https://{{.Code}}/',
    'https://{{.OrgID}}.evil.example/',
    `https://${publicHost}{{.Code}}/`,
    `https://${publicHost}:{{.Code}}/`,
  ],
  ...[
    `https://{{.Code}}@${publicHost}/`,
    `https://${publicHost}{{.UserID}}.evil.example/`,
    'http{{.Code}}://evil.example/',
    'https:/{{.Code}}/evil.example/',
  ],
  // Too long for the field.
  `https://${publicHost}/${'x'.repeat(200)}`,
  '',
];

/** Refused where the operator named the hosts, this one among them. */
const elsewhere: readonly string[] = [
  ...[
    'https://evil.example/',
    'https://evil.example:8443/',
    `https://${listedHost}.evil.example/`,
    `https://evil-${listedHost}/`,
    `https://sub.${listedHost}/`,
  ],
  ...[
    `https://${listedHost}./`,
    `https://${publicHost}./`,
    `https://${listedHost}:8443/`,
    `https://${publicHost}:8443/`,
    'https://xn--rster-jua.example.com/',
    'https://xn--80ak6aa92e.com/',
  ],
  ...[
    `https://evil.example#@${publicHost}`,
    `https://evil.example?https://${publicHost}/`,
    `https://evil.example/${publicHost}/`,
    `https://evil.example/@${publicHost}`,
  ],
  ...[
    'https://[2001:db8::1]/',
    'https://192.0.2.7/',
    'https://[::ffff:7f00:1]/',
    'https://0.0.0.0/',
    'https://localhost./',
    'https://localhost.evil.example/',
  ],
];

const everywhereFine = [
  `https://${publicHost}/{{.UserID}}/{{ .Code }}?o={{.OrgID}}`,
  `https://${publicHost.toUpperCase()}/`,
  `https://${listedHost}:443/#{{.Code}}`,
];

/** A code to sign in with has variables of its own: which name is known, and which is not, is the other way round. */
const spelledFor = (field: string) => (template: string) =>
  field.includes('otp') ? template.replace(/LoginName|OrgID/, (name) => (name === 'OrgID' ? 'SessionID' : 'OrgID')) : template;

test('every served call that takes a link is here', () => {
  expect(new Set(takingLinks.map(({ method }) => method.name))).toEqual(new Set(methodsTaking('url_template')));
  expect(takingLinks.length).toBeGreaterThan(7);
});

describe.each([
  ['any host is allowed', undefined],
  ['only named hosts are allowed', `first.example,${listedHost}`],
])('where %s', (_, linkHosts) => {
  let transport: Transport;
  let memory: Memory;
  let subject: { user: { id: string; parts: Readonly<Record<Part, string>> }; place: { id: string; domain: string } };

  beforeAll(async () => {
    const server = await startServer({
      env: { ROSTER_MESSAGE_FILES: 'off', ...(linkHosts && { ROSTER_LINK_HOSTS: linkHosts }) },
    });
    const organizationId = await createOrganization(server);
    const id = await createHuman(server, { organizationId });
    await leaveCode(server, id, 'email', 'PENDIN');
    await server.sql`insert into otp_factors (user_id, channel, created_at) values (${id}, 'email', ${epoch})`;
    const session = await addSession(server, 'session', { user_id: id, organization_id: organizationId });
    server.app.challengeLimits = new TryLimits(1000);
    subject = {
      user: { id, parts: { ...noParts, session } },
      place: { id: organizationId, domain: '' },
    };
    transport = server.transport('connect');
    memory = await remember(server.sql);
  });

  function ask({ method, json, path }: Taking, template: string): Promise<unknown> {
    const access = accessOf(method) ?? { on: 'nothing' };
    const asked = filled(access, withId(json, path, template), [...idPlaces(method.input, json)], subject).json;
    const headers = { 'x-zitadel-orgid': subject.place.id };
    return transport.unary(method, undefined, undefined, headers, fromJson(method.input, asked));
  }

  const named = takingLinks.map((one, index) => [one.method.name, one.field, one, index] as const);
  test.each(named)('%s, %s', async (_, field, one, index) => {
    // What is refused whatever is allowed was brought to every field before: of that it is a fourth in turn.
    const refused = linkHosts ? [...corpus.filter((_, place) => place % 4 === index % 4), ...elsewhere] : corpus;
    const wrong = refused.map(spelledFor(field)).map(async (template) => {
      const call = ask(one, template);
      const [told, fields] = await Promise.all([outcome(call), brokenFields(call)]);
      const isRight = /^InvalidArgument (URL_TEMPLATE_INVALID|INVALID_REQUEST)$/.test(told);
      return isRight && new Set(fields).size === 1 && fields[0] === field ? [] : [`${template}: ${told} ${fields}`];
    });
    expect((await Promise.all(wrong)).flat()).toEqual([]);
    expect(await memory.undo()).toEqual([]);
    for (const template of everywhereFine.map(spelledFor(field))) {
      expect(await outcome(ask(one, template)), template).toBe('ok');
      const changed = await memory.undo();
      expect(changed, template).toContain('public.outbox');
    }
  });
});
