import type { App } from './call.ts';
import { invalidField } from './errors.ts';

/** What a link in a message may carry, by the purpose of the message. */
const variables = {
  email: ['UserID', 'Code', 'OrgID'],
  password: ['UserID', 'Code', 'OrgID'],
  invite: ['UserID', 'Code', 'OrgID'],
  init: ['UserID', 'Code', 'OrgID', 'PasswordSet'],
  passkey: ['UserID', 'OrgID', 'CodeID', 'Code'],
  otp: ['Code', 'UserID', 'LoginName', 'DisplayName', 'PreferredLanguage', 'SessionID'],
} as const;

export type LinkPurpose = keyof typeof variables;

const variable = /\{\{\s*\.(\w+)\s*\}\}/g;
const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses a template that could lead somewhere it must not: only the purpose's variables, a literal scheme and host,
 * https (http for localhost), no user info, a host that the configuration allows. URL_TEMPLATE_INVALID otherwise, which
 * names the field.
 */
export function checkUrlTemplate(
  app: Pick<App, 'settings' | 'log'>,
  template: string,
  purpose: LinkPurpose,
  field: string,
): void {
  checkLink(app, template, variables[purpose], field);
}

/** Refuses a URL that nobody may be sent to, by the rule of templates; it has no variables. */
export const checkRedirect = (app: Pick<App, 'settings' | 'log'>, url: string, field: string): void =>
  checkLink(app, url, [], field);

function checkLink(
  { settings, log }: Pick<App, 'settings' | 'log'>,
  template: string,
  allowed: readonly string[],
  field: string,
): void {
  const refuse = (problem: string) => invalidField('URL_TEMPLATE_INVALID', field, { problem });
  for (const [, name] of template.matchAll(variable)) {
    if (!allowed.includes(name ?? '')) throw refuse(`unknown variable ${name}; known: ${allowed.join(', ')}`);
  }
  // A mark instead of the variables: in a place where a URL may hold it, the rest parses as it will when sent.
  const filled = template.replace(variable, '0');
  if (/[{}]/.test(filled)) throw refuse('a brace that belongs to no variable');
  // What a URL parser drops or repairs silently is refused: nobody may read the text differently than a browser.
  if (/[\s\p{C}\\]/u.test(filled)) throw refuse('a space, a control character or a backslash');
  const authority = /^(https?):\/\/([^/?#]+)/.exec(template)?.[2];
  const url = URL.canParse(filled) ? new URL(filled) : undefined;
  if (!authority || !url) throw refuse('not an absolute http or https URL');
  if (authority.includes('{{')) throw refuse('the host must stand in the template as it is');
  if (url.username || url.password || authority.includes('@')) throw refuse('user info in the URL');
  if (url.host !== authority.toLowerCase() && url.host !== authority.toLowerCase().replace(/:(80|443)$/, '')) {
    throw refuse('write the host as it is used: lower-case ASCII, international names as xn--');
  }
  const local = loopback.has(url.hostname);
  if (url.protocol === 'http:' && !local) throw refuse('https is needed');
  if (settings.development && local) return;
  if (url.host === new URL(settings.publicUrl).host) return;
  if (settings.linkHosts === undefined) {
    if (!local) tellFirstUse(log, url.host);
    if (local) throw refuse('a link to localhost helps nobody who reads it elsewhere');
    return;
  }
  if (!settings.linkHosts.includes(url.host)) throw refuse(`the host ${url.host} is not allowed (ROSTER_LINK_HOSTS)`);
}

const told = new Set<string>();
/** Hosts told of at most, so that nobody fills memory and log with made-up ones. */
const maximumTold = 1000;

function tellFirstUse(log: App['log'], host: string): void {
  if (told.has(host) || told.size === maximumTold) return;
  told.add(host);
  log.info({ host }, 'first link to this host; set ROSTER_LINK_HOSTS to allow only the hosts you know');
}

/** The template with its variables filled in, each encoded for a URL. */
export const fillTemplate = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(variable, (_, name: string) => encodeURIComponent(values[name] ?? ''));

/** The pages that links lead to when the caller names none; they stand on the public URL (src/web serves what it knows). */
export const pagePaths = {
  email: '/ui/login/mail/verification',
  password: '/ui/login/password/init',
  invite: '/ui/login/user/invite',
  init: '/ui/login/user/init',
  passkey: '/ui/login/login/passwordless/init',
} as const;

const person = 'userID={{.UserID}}&code={{.Code}}&orgID={{.OrgID}}';

/** Without an entry: no page of ours, so no link. */
const defaultTemplates = {
  email: `${pagePaths.email}?${person}`,
  password: `${pagePaths.password}?${person}`,
  invite: `${pagePaths.invite}?${person}`,
  init: `${pagePaths.init}?${person}&passwordset={{.PasswordSet}}`,
  passkey: `${pagePaths.passkey}?userID={{.UserID}}&orgID={{.OrgID}}&codeID={{.CodeID}}&code={{.Code}}`,
} satisfies Partial<Record<LinkPurpose, string>>;

/** The link to our page. */
export const defaultLink = (
  publicUrl: string,
  purpose: keyof typeof defaultTemplates,
  values: Readonly<Record<string, string>>,
): string => fillTemplate(`${publicUrl}${defaultTemplates[purpose]}`, values);

/** The link of a message: the template that the caller gave, else our page; undefined where there is neither. */
export function linkTo(
  publicUrl: string,
  purpose: LinkPurpose,
  template: string | undefined,
  values: Readonly<Record<string, string>>,
): string | undefined {
  if (template !== undefined) return fillTemplate(template, values);
  return purpose === 'otp' ? undefined : defaultLink(publicUrl, purpose, values);
}
