import { describe, expect, test } from 'vitest';
import type { Content, Message, MessageKind } from '../../../src/kernel/outbox/message.ts';
import { render } from '../../../src/kernel/outbox/render.ts';
import { de } from '../../../src/kernel/outbox/templates/de.ts';
import { en } from '../../../src/kernel/outbox/templates/en.ts';
import { maximumName } from '../../../src/kernel/wording.ts';
import { codeIn, linkIn } from '../../support/outbox.ts';

const now = new Date('2026-01-01T12:00:00Z');
const settings = { publicUrl: 'https://roster.example.com', productName: 'Acme' };
const recipient = {
  channel: 'email',
  to: 'ada@example.net',
  language: 'en',
  userId: '7',
  organizationId: '9',
  loginName: 'ada',
  displayName: 'Ada Lovelace',
} as const;
const code = { code: 'ABC123', expiresAt: '2026-01-01T13:00:00Z' };

const contents: Record<MessageKind, Content> = {
  'verify-email': { kind: 'verify-email', ...code },
  'verify-phone': { kind: 'verify-phone', ...code },
  'reset-password': { kind: 'reset-password', ...code },
  'password-changed': { kind: 'password-changed' },
  invite: { kind: 'invite', applicationName: 'Notes', ...code },
  initialise: { kind: 'initialise', passwordSet: true, ...code },
  'passkey-link': { kind: 'passkey-link', codeId: '5', ...code },
  otp: { kind: 'otp', sessionId: '3', ...code },
};
const kinds = Object.values(contents).map(({ kind }) => kind);

const show = (kind: MessageKind, changed: Partial<Message> = {}, organization = 'Analytical Engines') =>
  render(settings, Object.assign({ ...contents[kind], ...recipient }, changed), organization, now);

const oneLine = (text: string) => text.replace(/\s+/g, ' ');

const links: Partial<Record<MessageKind, string>> = {
  'verify-email': 'https://roster.example.com/ui/login/mail/verification?userID=7&code=ABC123&orgID=9',
  'reset-password': 'https://roster.example.com/ui/login/password/init?userID=7&code=ABC123&orgID=9',
  invite: 'https://roster.example.com/ui/login/user/invite?userID=7&code=ABC123&orgID=9',
  initialise: 'https://roster.example.com/ui/login/user/init?userID=7&code=ABC123&orgID=9&passwordset=true',
  'passkey-link': 'https://roster.example.com/ui/login/login/passwordless/init?userID=7&orgID=9&codeID=5&code=ABC123',
};

describe.each(kinds)('a mail of the kind %s', (kind) => {
  test.each([
    ['en', 'Hello Ada Lovelace,', '1 hour', 'en'],
    ['de', 'Guten Tag Ada Lovelace,', '1 Stunde', 'de'],
  ])('says in %s whom it greets, what for, the code and how long it works', (language, greeting, hour, lang) => {
    const { subject, text, html } = show(kind, { language });
    expect(subject).toMatch(/^Acme: .{8,60}$/);
    expect(text.startsWith(`${greeting}\n\n`)).toBe(true);
    expect(html).toContain(`<html lang="${lang}"`);
    for (const part of [greeting, 'Analytical Engines', 'Acme']) {
      expect(oneLine(text)).toContain(part);
      expect(html).toContain(part);
    }
    expect(`${subject}${text}${html}`).not.toMatch(/\{\w*\}|undefined/);
    expect(subject).not.toContain('ABC123');
    if (kind === 'password-changed') return;
    expect(codeIn(text)).toBe('ABC123');
    expect(codeIn(html)).toBe('ABC123');
    expect(oneLine(text)).toContain(hour);
    expect(html).toContain(hour);
  });

  test('leads to the page of its kind, if there is one', () => {
    const { text, html } = show(kind);
    const link = links[kind];
    if (link === undefined) return expect(text + html).not.toContain('://');
    expect(linkIn(text).href).toBe(link);
    const hrefs = [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href?.replaceAll('&#38;', '&'));
    expect(hrefs).toEqual([link, link]);
  });

  test('is readable as text, loads nothing, runs nothing, follows nobody', () => {
    for (const language of ['en', 'de']) {
      const { text, html } = show(kind, { language });
      for (const line of text.split('\n')) if (!line.startsWith('https://')) expect(line.length).toBeLessThan(78);
      expect(html).not.toMatch(/<(img|script|style|link|iframe|object|form|table|svg)|url\(|@import|\son\w+=|src=/i);
    }
  });

  test('shows what people wrote as they wrote it, and evaluates none of it', () => {
    const name = `<a href="//evil.example">{{.Code}} \${x} {code} $& '`;
    const { subject, text, html } = show(kind, { displayName: name }, `<b>{code}</b> $1`);
    expect(oneLine(text)).toContain(`Hello ${name},`);
    expect(oneLine(text)).toContain('<b>{code}</b> $1');
    expect(html).not.toContain('<a href="//evil');
    expect(html).toContain(`Hello &#60;a href=&#34;//evil.example&#34;&#62;{{.Code}} \${x} {code} $&#38; &#39;,`);
    expect(html).toContain('&#60;b&#62;{code}&#60;/b&#62; $1');
    expect(subject).toBe(show(kind).subject);
  });

  test('keeps its lines and headers whatever people wrote', () => {
    const evil = 'Eve\r\nBcc: all@example.net\u2028x\0\u202egnp\ud800';
    const shown = show(kind, { displayName: evil }, evil);
    const plain = 'Eve Bcc: all@example.net x gnp\ufffd';
    expect(shown.text).toContain(`Hello ${plain},\n`);
    expect(shown.html).toContain(`Hello ${plain},</p>`);
    const { subject } = render({ ...settings, productName: 'Ac\r\nBcc: x\rme' }, { ...contents[kind], ...recipient }, evil, now);
    expect(subject).toMatch(/^Ac Bcc: x me: [^\r\n]+$/);
    expect(`${shown.text}${shown.html}`).not.toMatch(/[\r\0\u2028\u202e\ud800]/);
  });

  test('survives a name of 65536 characters', () => {
    const { subject, text, html } = show(kind, { displayName: '😀'.repeat(2 ** 16) }, 'o'.repeat(2 ** 16));
    expect(oneLine(text)).toContain(`Hello ${'😀'.repeat(maximumName - 1)}…,`);
    expect(text).toContain(`${'o'.repeat(maximumName - 1)}…`);
    expect(subject.length + text.length + html.length).toBeLessThan(6000);
  });

  test('is one short text as an SMS', () => {
    for (const [language, minutes] of [
      ['en', '45 minutes'],
      ['de', '45 Minuten'],
    ] as const) {
      const { text, html } = show(kind, {
        channel: 'sms',
        language,
        ...('code' in contents[kind] ? { expiresAt: '2026-01-01T12:45:00Z' } : {}),
      });
      expect(html).toBe('');
      expect(text).toMatch(/^Acme: [^\n]+\n$/);
      const link = /https:\S+/.exec(text)?.[0];
      expect(link).toBe(kind === 'verify-email' ? undefined : links[kind]);
      expect(text.replace(link ?? '', '').length).toBeLessThan(160);
      if (kind === 'password-changed') continue;
      expect(codeIn(text)).toBe('ABC123');
      expect(text).toContain(minutes);
    }
  });
});

test('both languages say the same: sentence by sentence, the same values', () => {
  const sentences = (texts: typeof en) => {
    const { language, ...rest } = texts;
    return JSON.stringify(rest)
      .split('","')
      .map((sentence) => (sentence.match(/\{\w+\}/g) ?? []).sort());
  };
  expect(sentences(de)).toEqual(sentences(en));
  expect([...new Set(sentences(en).flat())].sort()).toEqual([
    '{application}',
    '{code}',
    '{displayName}',
    '{organization}',
    '{product}',
    '{validity}',
  ]);
});

test.each([
  ['de', 'de'],
  ['de-CH', 'de'],
  ['de_AT', 'de'],
  ['DE', 'de'],
  ['den', 'en'],
  ['fr', 'en'],
  ['und', 'en'],
  ['', 'en'],
])('who prefers "%s" reads %s', (language, shown) => {
  expect(show('otp', { language }).html).toContain(`<html lang="${shown}"`);
});

test.each([
  ['2026-01-01T11:00:00Z', '1 second', '1 Sekunde'],
  ['2026-01-01T12:00:29.500Z', '30 seconds', '30 Sekunden'],
  ['2026-01-01T12:01:00Z', '1 minute', '1 Minute'],
  ['2026-01-01T12:05:00Z', '5 minutes', '5 Minuten'],
  ['2026-01-01T12:59:45Z', '1 hour', '1 Stunde'],
  ['2026-01-01T13:30:00Z', '90 minutes', '90 Minuten'],
  ['2026-01-02T12:00:00Z', '24 hours', '24 Stunden'],
  ['2026-01-04T12:00:00Z', '3 days', '3 Tage'],
  ['2026-01-04T11:00:00Z', '71 hours', '71 Stunden'],
])('a code that works until %s is valid for %s', (expiresAt, english, german) => {
  expect(oneLine(show('invite', { expiresAt }).text)).toContain(`valid for ${english}.`);
  expect(oneLine(show('invite', { expiresAt, language: 'de' }).text)).toContain(`ist ${german} gültig.`);
});

test('somebody without a name is greeted without one', () => {
  expect(show('otp', { displayName: ' ' }).text).toMatch(/^Hello,\n/);
  expect(show('otp', { displayName: '', language: 'de' }).text).toMatch(/^Guten Tag,\n/);
});

test('an invitation is to the application that it names, else to the product', () => {
  expect(show('invite').text).toContain('Analytical Engines invites you to Notes.');
  expect(show('invite', { applicationName: '' }).text).toContain('Analytical Engines invites you to Acme.');
  expect(show('invite', { applicationName: '<i>{code}' }).html).toContain('you to &#60;i&#62;{code}.');
});

test("a caller's own link is filled in, each value encoded for where it stands, and is markup nowhere", () => {
  const urlTemplate = `https://app.example.com/'{{.Code}}'?n={{.DisplayName}}&l={{.LoginName}}&p={{.PreferredLanguage}}&s={{.SessionID}}`;
  const evil = `"><script>{{.Code}}</script>\r\n&x=1`;
  const { text, html } = show('otp', { urlTemplate, displayName: evil, loginName: evil, language: 'de' });
  const link = linkIn(text);
  expect(link.pathname).toBe("/'ABC123'");
  expect(link.searchParams.get('l')).toBe(evil);
  expect(link.searchParams.get('n')).toBe(evil.replace('\r\n', ' '));
  expect(link.searchParams.get('p')).toBe('de');
  expect(link.searchParams.get('s')).toBe('3');
  expect(link.searchParams.get('x')).toBeNull();
  expect(html).toContain(`href="${link.href.replaceAll('&', '&#38;').replaceAll("'", '&#39;')}"`);
  expect(html).not.toContain('<script');
});
