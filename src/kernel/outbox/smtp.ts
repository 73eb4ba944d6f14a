import type { NodemailerError, SMTPPoolOptions, Transporter } from 'nodemailer';
import { trusted } from '../http/certificates.ts';
import type { Outgoing } from '../http/client.ts';
import { DeliveryError } from './failure.ts';
import { mailOf, type Sender } from './mail.ts';
import type { Transport } from './posting.ts';
import type { SmtpServer } from './routes.ts';

/** Milliseconds; a whole delivery has less than all of them together (queue.ts). */
const connectMs = 10_000;
const greetingMs = 10_000;
const silenceMs = 30_000;
/** Less than any server waits (RFC 5321, 4.5.3.2.7), so that it is never the server that ends a connection in between. */
const idleMs = 30_000;

/** Sends mails to one SMTP server, over connections that are kept for a while. */
export function smtpTransport(server: SmtpServer, from: Sender, outgoing: Outgoing): Transport {
  let opened: Promise<Transporter> | undefined;
  // Loaded with the first mail: it is a third of what the rest of the process weighs.
  const pool = () => {
    opened ??= import('nodemailer').then(({ createTransport }) => createTransport(optionsOf(server, outgoing)));
    return opened;
  };
  return {
    send: async (posting, signal) => {
      const transporter = await pool();
      try {
        await transporter.sendMail({ ...mailOf(posting, from), signal });
      } catch (error) {
        throw failureOf(error);
      }
    },
    close: async () => (await opened)?.close(),
  };
}

/** Connects and logs in as for a mail, and sends none. Fails with a DeliveryError. */
export async function verifySmtp(server: SmtpServer, outgoing: Outgoing): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const transporter = createTransport(optionsOf(server, outgoing));
  try {
    await transporter.verify();
  } catch (error) {
    throw failureOf(error);
  } finally {
    transporter.close();
  }
}

const optionsOf = ({ host, port, security, login }: SmtpServer, { certificates }: Outgoing) =>
  ({
    pool: true,
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(login && { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: connectMs,
    dnsTimeout: connectMs,
    greetingTimeout: greetingMs,
    socketTimeout: silenceMs,
    idleTimeout: idleMs,
    // The outbox tries again, and knows what it has tried.
    maxRequeues: 0,
    tls: { ...(certificates !== undefined && { ca: trusted(certificates) }) },
  }) satisfies SMTPPoolOptions & { pool: true };

/** What an SMTP server says often repeats the address: only its codes are kept. */
function failureOf(error: unknown): DeliveryError {
  const {
    code = '',
    originalCode = '',
    responseCode,
    command = '',
    response = '',
    permanent,
  }: NodemailerError = error instanceof Error ? error : new Error();
  const [, enhanced = ''] = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response) ?? [];
  const reply = responseCode === undefined ? '' : ` (${[responseCode, enhanced].filter(Boolean).join(' ')})`;
  if (code === 'EAUTH' || code === 'ENOAUTH')
    return new DeliveryError('unreachable', `the SMTP server refuses the login${reply}`);
  if (code === 'ETLS') return new DeliveryError('unreachable', 'no secure connection to the SMTP server (TLS)');
  const refused = /^(RCPT TO|DATA)/.test(command) ? (command.startsWith('RCPT') ? 'recipient' : 'message') : undefined;
  if (responseCode !== undefined && refused) {
    return new DeliveryError(permanent ? 'refused' : 'deferred', `the SMTP server refuses the ${refused}${reply}`);
  }
  if (responseCode !== undefined) return new DeliveryError('unreachable', `the SMTP server refuses to serve${reply}`);
  return new DeliveryError('unreachable', `the SMTP server does not answer (${originalCode || code || 'unknown'})`);
}
