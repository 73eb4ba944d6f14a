import { type LinkPurpose, linkTo } from '../links.ts';
import type { Settings } from '../settings.ts';
import { durationInWords, fill, plainName } from '../wording.ts';
import type { Message, MessageKind } from './message.ts';
import { de } from './templates/de.ts';
import { en } from './templates/en.ts';
import { asHtml, asText, type Block } from './templates/layout.ts';
import type { Texts } from './templates/texts.ts';

/** A message as it is read. */
export interface Rendered {
  /** One line. */
  subject: string;
  /** Lines end with LF. */
  text: string;
  /** Empty for an SMS. */
  html: string;
}

type RenderSettings = Pick<Settings, 'publicUrl' | 'productName'>;

const linkPurposes: Partial<Record<MessageKind, LinkPurpose>> = {
  'verify-email': 'email',
  'reset-password': 'password',
  invite: 'invite',
  initialise: 'init',
  'passkey-link': 'passkey',
  otp: 'otp',
};

/** Kinds whose SMS nobody could use without the link; the others' codes are typed where they were asked for. */
const linkInSms: readonly MessageKind[] = ['reset-password', 'invite', 'initialise', 'passkey-link'];

/** What a message says, in its reader's language. `now` tells how long its code is still valid. */
export function render(settings: RenderSettings, message: Message, organizationName: string, now: Date): Rendered {
  const texts = textsFor(message.language);
  const kind = texts.kinds[message.kind];
  const values = valuesOf(settings, message, organizationName, texts.language, now);
  const say = (sentence: string) => fill(sentence, values);
  const link = linkOf(settings, message);
  const subject = say(kind.subject);
  if (message.channel === 'sms') {
    const suffix = link !== undefined && linkInSms.includes(message.kind) ? ` ${link}` : '';
    return { subject, text: `${say(kind.sms)}${suffix}\n`, html: '' };
  }
  const paragraph = (sentence: string): Block => ({ kind: 'paragraph', text: say(sentence) });
  const blocks: Block[] = [
    paragraph(values.displayName === '' ? texts.greetingWithoutName : texts.greeting),
    ...kind.about.map(paragraph),
  ];
  if ('code' in message) blocks.push({ kind: 'code', text: say(texts.code) }, paragraph(texts.validity));
  if (link !== undefined && kind.button !== undefined) {
    blocks.push({ kind: 'link', url: link, label: say(kind.button), hint: say(texts.linkBelow) });
  }
  blocks.push(paragraph(kind.notAsked), paragraph('{product}'));
  return { subject, text: asText(blocks), html: asHtml(texts.language, subject, blocks) };
}

/** German to whom prefers it in any of its forms (`de`, `de-CH`, `de_AT`), English to everybody else. */
const textsFor = (language: string): Texts => (/^de([-_]|$)/i.test(language) ? de : en);

function valuesOf(
  { productName }: RenderSettings,
  message: Message,
  organizationName: string,
  language: string,
  now: Date,
): Readonly<Record<string, string>> {
  const product = plainName(productName);
  const application = 'applicationName' in message ? plainName(message.applicationName) : '';
  return {
    product,
    application: application === '' ? product : application,
    organization: plainName(organizationName),
    displayName: plainName(message.displayName),
    code: 'code' in message ? message.code : '',
    validity: 'expiresAt' in message ? durationInWords(new Date(message.expiresAt).getTime() - now.getTime(), language) : '',
  };
}

function linkOf({ publicUrl }: RenderSettings, message: Message): string | undefined {
  const purpose = linkPurposes[message.kind];
  if (purpose === undefined) return undefined;
  return linkTo(publicUrl, purpose, 'urlTemplate' in message ? message.urlTemplate : undefined, {
    UserID: message.userId,
    OrgID: message.organizationId,
    Code: 'code' in message ? message.code : '',
    CodeID: 'codeId' in message ? message.codeId : '',
    SessionID: 'sessionId' in message ? message.sessionId : '',
    PasswordSet: String('passwordSet' in message && message.passwordSet),
    LoginName: message.loginName,
    DisplayName: plainName(message.displayName),
    PreferredLanguage: message.language,
  });
}
