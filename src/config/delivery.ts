// How messages leave. Mistakes in these variables never stop a start: the messages wait, and whoever looks is told (readyz,
// doctor).
import { join } from 'node:path';
import type { Outgoing } from '../kernel/http/client.ts';
import type { Route, Routes } from '../kernel/outbox/routes.ts';
import { listOf, network, onOff, Problem } from './parse.ts';
import { certificates, sender, smtpServer, webhook, webhookSecret } from './parseMail.ts';
import { optional, type Variable, variable } from './variables.ts';

interface Place {
  dataDir: string;
  development: boolean;
}

/** Never fails: a channel whose settings are wrong has no way out, and says why. */
export function routesOf(env: NodeJS.ProcessEnv, { dataDir, development }: Place): Routes {
  const read = <T>(variable: Variable<T>) => variable.read(env);

  const outgoing = (): Outgoing => ({
    allowed: read(deliveryVariables.outgoingPrivate),
    certificates: read(deliveryVariables.outgoingCertificates),
  });

  const byWebhook = (url: string): Route => {
    const secret = read(deliveryVariables.webhookSecret);
    if (secret === undefined) throw new Problem('ROSTER_WEBHOOK_SECRET is missing: it signs what is posted to webhooks');
    return { by: 'webhook', url, secret, outgoing: outgoing() };
  };

  const otherwise = (): Route => {
    if (!(read(deliveryVariables.messageFiles) ?? development)) return { by: 'nothing', problem: undefined };
    return { by: 'files', folder: join(dataDir, 'outbox'), from: read(deliveryVariables.mailFrom) ?? nobody };
  };

  const email = (): Route => {
    const server = read(deliveryVariables.smtpServer);
    const url = read(deliveryVariables.mailWebhook);
    if (server && url) throw new Problem('ROSTER_SMTP_URL and ROSTER_MAIL_WEBHOOK are both set: keep one');
    if (url) return byWebhook(url);
    if (!server) return otherwise();
    const from = read(deliveryVariables.mailFrom);
    if (!from) throw new Problem('ROSTER_MAIL_FROM is missing: the address that mails come from');
    return { by: 'smtp', server, from, outgoing: outgoing() };
  };

  const sms = (): Route => {
    const url = read(deliveryVariables.smsWebhook);
    return url ? byWebhook(url) : otherwise();
  };

  return { email: routeOf(email), sms: routeOf(sms) };
}

/** For calls to identity providers. With mistakes in it nothing private is reached: messages tell of them. */
export function outgoingOf(env: NodeJS.ProcessEnv): Outgoing {
  try {
    return {
      allowed: deliveryVariables.outgoingPrivate.read(env),
      certificates: deliveryVariables.outgoingCertificates.read(env),
    };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { allowed: [], certificates: undefined };
  }
}

/** Who mails come from that only become files. */
const nobody = { name: '', address: 'roster@localhost' };

function routeOf(choose: () => Route): Route {
  try {
    return choose();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { by: 'nothing', problem: error.message };
  }
}

export const deliveryVariables = {
  smtpServer: optional(
    'ROSTER_SMTP_URL',
    smtpServer,
    'none',
    'The server that mails leave through: smtp://user:password@host:587 with STARTTLS, smtps://… with TLS from the start. With ?tls=off nothing is encrypted, the password neither.',
  ),
  mailFrom: optional(
    'ROSTER_MAIL_FROM',
    sender,
    'none: needed with ROSTER_SMTP_URL',
    'The sender of mails: users@example.com, or with a name, Example <users@example.com>.',
  ),
  mailWebhook: optional(
    'ROSTER_MAIL_WEBHOOK',
    webhook,
    'none',
    'Instead of an SMTP server, the URL that mails are posted to, signed (docs/operations.md).',
  ),
  smsWebhook: optional(
    'ROSTER_SMS_WEBHOOK',
    webhook,
    'none',
    'The URL that text messages are posted to, signed (docs/operations.md).',
  ),
  webhookSecret: optional(
    'ROSTER_WEBHOOK_SECRET',
    webhookSecret,
    'none: needed with a webhook',
    'What posts to webhooks are signed with: 32 characters or more, such as from `openssl rand -hex 32`.',
  ),
  messageFiles: optional(
    'ROSTER_MESSAGE_FILES',
    onOff,
    'on when in development mode',
    'What has no other way out is written to `outbox/` in the data folder, codes included: on or off. Off, it waits.',
  ),
  outgoingPrivate: variable(
    'ROSTER_OUTGOING_PRIVATE',
    listOf(network),
    '',
    'The private addresses and networks that webhooks, identity providers and directories may stand at, without TLS as well, separated by commas. Others must be public.',
  ),
  outgoingCertificates: optional(
    'ROSTER_OUTGOING_CA',
    certificates,
    'none',
    'A file with certificates (PEM) of authorities to trust for mail servers, webhooks, identity providers and directories, beside the usual ones.',
  ),
};
