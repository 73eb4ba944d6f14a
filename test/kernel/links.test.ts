import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { checkUrlTemplate, fillTemplate, type LinkPurpose, linkTo, pagePaths } from '../../src/kernel/links.ts';
import type { Settings } from '../../src/kernel/settings.ts';
import { brokenFields, outcome } from '../support/errors.ts';

const settings: Settings = {
  publicUrl: 'https://roster.example.com',
  linkHosts: undefined,
  development: false,
  productName: 'Roster',
  phoneRegion: 'CH',
  passkeyDomains: undefined,
  passkeyOrigins: [],
  maximumRecoveryCodes: 10,
  lockAfterPasswordTries: 0,
  mfaRequired: false,
  sessionLifetimeMs: undefined,
  trustedIssuers: [],
};

const silent = pino({ level: 'silent' });

const check = async (template: string, changed: Partial<Settings> = {}, log = silent, purpose: LinkPurpose = 'email') =>
  checkUrlTemplate({ settings: { ...settings, ...changed }, log }, template, purpose, 'email.send_code.url_template');

const refused = 'InvalidArgument URL_TEMPLATE_INVALID';

describe('a template', () => {
  test.each([
    'https://app.example.com/verify?user={{.UserID}}&code={{.Code}}&org={{.OrgID}}',
    'https://app.example.com/verify?code={{ .Code }}',
    'https://app.example.com:8443/{{.UserID}}#{{.Code}}',
    'https://app.example.com',
    'https://app.example.com:443/',
    'https://xn--bcher-kva.example/verify',
    'https://192.0.2.7/verify',
    'https://[2001:db8::1]/verify',
    'https://roster.example.com/verify/{{.Code}}',
  ])('may be %s', async (template) => {
    expect(await outcome(check(template))).toBe('ok');
  });

  test.each([
    ['a variable of another purpose', 'https://app.example.com/{{.LoginName}}'],
    ['a variable in other letters', 'https://app.example.com/{{.code}}'],
    ['a word without its dot', 'https://app.example.com/{{Code}}'],
    ['a call', 'https://app.example.com/{{printf "%s" .Code}}'],
    ['an open brace', 'https://app.example.com/{{.Code}'],
    ['a lone brace', 'https://app.example.com/}'],
    ['a third brace', 'https://app.example.com/{{{.Code}}}'],
    ['javascript:', 'javascript:alert({{.Code}})'],
    ['javascript: dressed as a URL', 'javascript://app.example.com/%0aalert(1)'],
    ['data:', 'data:text/html,{{.Code}}'],
    ['ftp:', 'ftp://app.example.com/{{.Code}}'],
    ['no scheme', '//evil.example/{{.Code}}'],
    ['no scheme and no host', '/verify/{{.Code}}'],
    ['only a host', 'app.example.com/{{.Code}}'],
    ['no host', 'https:///app.example.com/{{.Code}}'],
    ['one slash', 'https:/app.example.com/{{.Code}}'],
    ['http', 'http://app.example.com/{{.Code}}'],
    ['localhost', 'http://localhost:3000/{{.Code}}'],
    ['a scheme in capitals', 'HTTPS://app.example.com/'],
    ['a scheme that is a variable', '{{.Code}}://app.example.com/'],
    ['a host that is a variable', 'https://{{.OrgID}}.example.com/'],
    ['a variable behind the host', 'https://app.example.com{{.Code}}/'],
    ['a port that is a variable', 'https://app.example.com:{{.Code}}/'],
    ['a user', 'https://app.example.com@evil.example/'],
    ['a user and a password', 'https://app.example.com:x@evil.example/'],
    ['an empty user', 'https://@evil.example/'],
    ['a user that is a variable', 'https://{{.UserID}}@evil.example/'],
    ['a backslash', 'https://app.example.com\\@evil.example/'],
    ['a backslash behind the host', 'https://evil.example\\.app.example.com/'],
    ['CR and LF', 'https://app.example.com/\r\nBcc: eve@evil.example'],
    ['a tab in the host', 'https://app.exa\tmple.com/'],
    ['a space', 'https://app.example.com/ {{.Code}}'],
    ['a leading space', ' https://app.example.com/'],
    ['a NUL', 'https://app.example.com/\0'],
    ['an invisible character', 'https://app.example.com/\u200b'],
    ['text that turns around', 'https://app.example.com/\u202egpj'],
    ['a look-alike in another script', 'https://\u0430pp.example.com/'],
    ['full-width letters', 'https://ａpp.example.com/'],
    ['a full-width dot', 'https://app．example.com/'],
    ['a soft hyphen', 'https://app\u00ad.example.com/'],
    ['a percent in the host', 'https://app%2eexample.com/'],
    ['capitals in the punycode of a host', 'https://app.example.com\u3002evil.example/'],
    ['an address as one number', 'https://3232235777/'],
    ['an octal address', 'https://0300.0250.1.1/'],
    ['a port out of range', 'https://app.example.com:99999/'],
    ['nothing', ''],
  ])('is refused for %s', async (_, template) => {
    expect(await outcome(check(template))).toBe(refused);
    expect(await brokenFields(check(template))).toEqual(['email.send_code.url_template']);
  });

  test.each([
    ['https://{{.OrgID}}.example.com/', 'the host must stand in the template as it is'],
    ['https://ada@app.example.com/', 'user info in the URL'],
    ['https://App.example.com/{{.LoginName}}', 'unknown variable LoginName; known: UserID, Code, OrgID'],
  ])('%s is refused with a word on why', async (template, problem) => {
    await expect(check(template)).rejects.toThrow(problem);
  });

  const known = ['UserID', 'Code', 'OrgID', 'CodeID', 'LoginName', 'DisplayName', 'PreferredLanguage', 'SessionID'];

  test.each([
    ['email', ['UserID', 'Code', 'OrgID']],
    ['password', ['UserID', 'Code', 'OrgID']],
    ['invite', ['UserID', 'Code', 'OrgID']],
    ['passkey', ['UserID', 'Code', 'OrgID', 'CodeID']],
    ['otp', ['UserID', 'Code', 'LoginName', 'DisplayName', 'PreferredLanguage', 'SessionID']],
  ] as const)('of the purpose %s takes %j and nothing else', async (purpose, variables) => {
    const outcomes = known.map((name) => outcome(check(`https://app.example.com/{{.${name}}}`, {}, silent, purpose)));
    const taken = (await Promise.all(outcomes)).map((told, i) => (told === 'ok' ? known[i] : undefined)).filter(Boolean);
    expect(taken.sort()).toEqual([...variables].sort());
    for (const name of ['Password', 'constructor', '__proto__', 'code', 'userID']) {
      expect(await outcome(check(`https://app.example.com/{{.${name}}}`, {}, silent, purpose))).toBe(refused);
    }
  });

  test.each([
    ['a Cyrillic letter', 'https://roster.ex\u0430mple.com/'],
    ['a Greek letter', 'https://r\u03bfster.example.com/'],
    ['a dotless i', 'https://roster.example.com\u0131/'],
    ['a division slash', 'https://roster.example.com\u2215x.evil.example/'],
    ['a fraction slash', 'https://roster.example.com\u2044.evil.example/'],
    ['a full-width solidus', 'https://roster.example.com\uff0fevil.example/'],
    ['an ideographic full stop', 'https://roster\u3002example\u3002com/'],
    ['a letter with its accent apart', 'https://ro\u0301ster.example.com/'],
    ['a zero-width joiner', 'https://roster\u200d.example.com/'],
    ['mathematical letters', 'https://\ud835\udc2boster.example.com/'],
    ['the public host as user info', 'https://roster.example.com@evil.example/'],
    ['the public host as user info, its end hidden', 'https://roster.example.com%2f@evil.example/'],
    ['the public host as a part of another', 'https://roster.example.com.evil.example/'],
    ['the public host behind a fragment', 'https://evil.example#@roster.example.com/'],
    ['the public host as a path', 'https://evil.example/https://roster.example.com/'],
    ['the public host at another port', 'https://roster.example.com:444/'],
    ['the public host, rooted', 'https://roster.example.com./'],
  ])('that looks like the public URL by %s leads nowhere when hosts are listed', async (_, template) => {
    expect(await outcome(check(template, { linkHosts: [] }))).toBe(refused);
  });

  test('with hosts listed, leads to them and to the public URL only', async () => {
    const linkHosts = ['app.example.com', 'app.example.com:8443', 'localhost:3000'];
    const outcomeFor = (host: string) => outcome(check(`https://${host}/{{.Code}}`, { linkHosts }));
    for (const host of ['app.example.com', 'app.example.com:8443', 'roster.example.com'])
      expect(await outcomeFor(host)).toBe('ok');
    expect(await outcome(check('http://localhost:3000/', { linkHosts }))).toBe('ok');
    for (const host of [
      'evil.example',
      'sub.app.example.com',
      'app.example.com.evil.example',
      'app.example.com:8444',
      'xapp.example.com',
    ]) {
      expect(await outcomeFor(host)).toBe(refused);
    }
    expect(await outcome(check('https://roster.example.com/', { linkHosts: [] }))).toBe('ok');
    expect(await outcome(check('https://app.example.com/', { linkHosts: [] }))).toBe(refused);
  });

  test('leads to localhost in development, whatever is listed', async () => {
    const development = { development: true, linkHosts: [] };
    for (const host of ['localhost', 'localhost:3000', '127.0.0.1:5173', '[::1]:80']) {
      expect(await outcome(check(`http://${host}/{{.Code}}`, development))).toBe('ok');
    }
    expect(await outcome(check('http://app.example.com/', development))).toBe(refused);
    expect(await outcome(check('http://localhost.evil.example/', development))).toBe(refused);
  });

  test('to a new host is told of once, without its path', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
    await check('https://first.example.com/one-path', {}, log);
    await check('https://first.example.com/other-path', {}, log);
    await check('https://second.example.com', { linkHosts: ['second.example.com'] }, log);
    expect(lines.map((line) => JSON.parse(line).host)).toEqual(['first.example.com']);
    expect(lines.join('')).not.toContain('path');
  });
});

test('values are encoded for the URL that they stand in', () => {
  const template = 'https://app.example.com/{{.UserID}}?code={{ .Code }}&again={{.Code}}&org={{.OrgID}}#end';
  const values = { UserID: '../a b/ö', Code: '{{.OrgID}}&x=1#"<>\r\n', OrgID: '$& $1' };
  const link = fillTemplate(template, values);
  expect(link).toBe(
    'https://app.example.com/..%2Fa%20b%2F%C3%B6?code=%7B%7B.OrgID%7D%7D%26x%3D1%23%22%3C%3E%0D%0A' +
      '&again=%7B%7B.OrgID%7D%7D%26x%3D1%23%22%3C%3E%0D%0A&org=%24%26%20%241#end',
  );
  const url = new URL(link);
  expect(url.host).toBe('app.example.com');
  expect(url.searchParams.get('code')).toBe(values.Code);
});

describe('a link without a template', () => {
  const values = { UserID: '7 &', Code: 'A#1', OrgID: '9', CodeID: '5' };

  test.each([
    ['email', `${pagePaths.email}?userID=7%20%26&code=A%231&orgID=9`],
    ['password', `${pagePaths.password}?userID=7%20%26&code=A%231&orgID=9`],
    ['invite', `${pagePaths.invite}?userID=7%20%26&code=A%231&orgID=9`],
    ['passkey', `${pagePaths.passkey}?userID=7%20%26&orgID=9&codeID=5&code=A%231`],
  ] as const)('for %s leads to its page on the public URL', (purpose, path) => {
    expect(linkTo(settings.publicUrl, purpose, undefined, values)).toBe(`${settings.publicUrl}${path}`);
  });

  test('for a one-time password is none: no page of ours takes it', () => {
    expect(linkTo(settings.publicUrl, 'otp', undefined, values)).toBeUndefined();
    expect(linkTo(settings.publicUrl, 'otp', 'https://app.example.com/{{.Code}}', values)).toBe('https://app.example.com/A%231');
  });

  test('is one that a caller could have given', async () => {
    for (const purpose of ['email', 'password', 'invite', 'passkey'] as const) {
      const link = linkTo(settings.publicUrl, purpose, undefined, values) ?? '';
      expect(await outcome(check(link, { linkHosts: [] }, silent, purpose))).toBe('ok');
    }
  });
});
