import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fillTemplate } from '../links.ts';
import type { Message } from './message.ts';

const subjects: Record<Message['kind'], string> = {
  'verify-email': 'Verify your e-mail address',
  'verify-phone': 'Verify your phone number',
  'reset-password': 'Reset your password',
  'password-changed': 'Your password was changed',
  invite: 'You are invited',
  'passkey-link': 'Register a passkey',
  otp: 'Your code',
};

/** Writes a message to a folder, mails as .eml and SMS as .txt, readable by its owner only. Returns the file's path. */
export async function deliverToFolder(folder: string, publicUrl: string, id: bigint, message: Message): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${String(id).padStart(8, '0')}-${message.kind}.${message.channel === 'email' ? 'eml' : 'txt'}`);
  await writeFile(path, message.channel === 'email' ? mail(publicUrl, message) : `${message.to}: ${sentence(message)}\n`, {
    mode: 0o600,
  });
  return path;
}

const sentence = (message: Message) => ('code' in message ? `Your code is ${message.code}.` : 'Your password was changed.');

function mail(publicUrl: string, message: Message): string {
  const { userId, organizationId } = message;
  const code = 'code' in message ? message.code : '';
  const template =
    ('urlTemplate' in message ? message.urlTemplate : undefined) ??
    `${publicUrl}/ui/login/mail/verification?userID={{.UserID}}&code={{.Code}}&orgID={{.OrgID}}`;
  const link = fillTemplate(template, { UserID: userId, Code: code, OrgID: organizationId });
  const headers = [`To: ${message.to}`, `Subject: ${subjects[message.kind]}`, 'Content-Type: text/plain; charset=utf-8'];
  return [...headers, '', sentence(message), link, ''].join('\r\n');
}
