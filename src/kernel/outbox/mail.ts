import type { SendMailOptions } from 'nodemailer';
import type { Posting } from './posting.ts';

export interface Sender {
  /** Empty when there is only an address. */
  name: string;
  address: string;
}

/** A message as a mail. Addresses are given in parts, so that nothing in them is read as a second one. */
export function mailOf({ letter, rendered, host }: Posting, from: Sender): SendMailOptions {
  const { message, reference, createdAt } = letter;
  return {
    envelope: { from: from.address, to: [message.to] },
    from,
    to: { name: '', address: message.to },
    subject: rendered.subject,
    text: rendered.text,
    html: rendered.html,
    messageId: `<${reference}@${host}>`,
    date: createdAt,
    // RFC 3834: nobody's out-of-office reply should answer.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
