import { randomUUID } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { type Config, ConfigError } from '../config.ts';
import type { App } from '../kernel/call.ts';
import { connectionsOf } from '../kernel/db/client.ts';
import { joinEmbedded } from '../kernel/db/embedded/join.ts';
import { countPending } from '../kernel/db/migrate.ts';
import { HttpClient } from '../kernel/http/client.ts';
import { DeliveryError } from '../kernel/outbox/failure.ts';
import { countLetters } from '../kernel/outbox/letters.ts';
import type { Route } from '../kernel/outbox/routes.ts';
import { verifySmtp } from '../kernel/outbox/smtp.ts';
import { probeWebhook } from '../kernel/outbox/webhook.ts';
import { startProblem } from '../problems.ts';
import type { Command, Operator } from './command.ts';
import { issuerChecks } from './doctorIssuers.ts';
import { type Check, Finding } from './finding.ts';
import { age } from './outbox.ts';

export const doctor: Command = {
  name: 'doctor',
  help: 'check everything that the service depends on, and say what to do about what is wrong',
  options: {},
  run: examine,
};

/** Every check runs, whatever the others find; what another one has found already is said once. */
async function examine(operator: Operator): Promise<number> {
  const config = configOf(operator);
  const checks = config instanceof ConfigError ? [] : checksOf(operator, config);
  const found = { name: 'configuration', look: async () => described(config) };
  let problems = 0;
  for (const { name, look } of [found, ...checks]) {
    const { well, text } = await outcomeOf(look, config);
    if (!well) problems++;
    const verdict = styleText(well ? 'green' : 'red', well ? 'ok     ' : 'problem', { stream: operator.stdout });
    operator.print(`${verdict}  ${name.padEnd(13)}  ${text}`);
  }
  return problems === 0 ? 0 : 1;
}

function configOf(operator: Operator): Config | ConfigError {
  try {
    return operator.config;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function described(config: Config | ConfigError): string {
  if (config instanceof ConfigError) throw config;
  return config.development ? 'in development mode' : 'in production mode';
}

async function outcomeOf(look: Check['look'], config: Config | ConfigError): Promise<{ well: boolean; text: string }> {
  try {
    return { well: true, text: await look() };
  } catch (error) {
    if (error instanceof Finding) return { well: false, text: error.message };
    const problem = startProblem(error, config instanceof ConfigError ? undefined : config);
    const unforeseen = error instanceof Error ? error.message : String(error);
    return { well: false, text: problem ?? unforeseen };
  }
}

function checksOf(operator: Operator, config: Config): Check[] {
  let app: App | undefined;
  const data = async () => {
    await database(config);
    app = await operator.open();
    await roomFor(app, config);
    return 'reached, migrated, and written under this master key';
  };
  const queue = async () => {
    if (!app) throw new Finding('Cannot be read: see the database.');
    return outbox(app);
  };
  return [
    { name: 'data folder', look: () => dataFolder(config) },
    { name: 'public URL', look: async () => publicUrl(config) },
    { name: 'database', look: data },
    { name: 'mails', look: async () => mails(config.delivery.email) },
    { name: 'text messages', look: () => wayOut(config.delivery.sms) },
    { name: 'outbox', look: queue },
    ...issuerChecks(config),
  ];
}

async function dataFolder({ dataDir }: Config): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, `doctor.${randomUUID()}`);
  await writeFile(file, '', { mode: 0o600 });
  await rm(file);
  return `${dataDir} can be written`;
}

function publicUrl({ publicUrl, development }: Config): string {
  const anyPort = new URL(publicUrl).port === '0';
  const shown = anyPort
    ? `${publicUrl.replace(/:0$/, '')} with a port that is free at the start (ROSTER_LISTEN has port 0)`
    : publicUrl;
  if (publicUrl.startsWith('https:') || development) return shown;
  throw new Finding(`${shown} is not encrypted: links with codes in them would be. Set ROSTER_PUBLIC_URL to an https URL.`);
}

/** Nothing is migrated, and no key is made: first it must be sure that this would be right. */
async function database(config: Config): Promise<void> {
  const url = config.databaseUrl ?? (await joinEmbedded(config.dataDir));
  if (!url)
    throw new Finding('The embedded Postgres does not run: it runs with the service. Start that (npm start), then ask again.');
  const pending = await countPending(url);
  if (pending > 0) {
    throw new Finding(`${pending} migrations are missing. The service applies them when it starts: npm start.`);
  }
  if (!config.masterKey) {
    const file = join(config.dataDir, 'master.key');
    await access(file).catch(() => {
      throw new Finding(`${file} is missing. Put it back from a backup, or set ROSTER_MASTER_KEY to the key of this data.`);
    });
  }
}

/** Notifications have a connection of their own, and two look for migrations while the service starts. */
const besidePool = 3;

/** Behind pgbouncer the server's own limit says nothing. */
async function roomFor({ db }: App, { databasePool, databasePrepare }: Config): Promise<void> {
  const wanted = databasePool + besidePool;
  const most = await connectionsOf(db);
  if (!databasePrepare || wanted <= most) return;
  throw new Finding(
    `The server takes ${most} connections, and the service may want ${wanted} (ROSTER_DATABASE_POOL and ${besidePool} more). Lower ` +
      'that, raise max_connections of the server, or put pgbouncer in between.',
  );
}

/** Milliseconds for a webhook to answer. */
const patienceMs = 10_000;

function mails(route: Route): Promise<string> {
  if (route.by === 'nothing' && route.problem === undefined) {
    throw new Finding('Not configured: they wait, and expire. Set ROSTER_SMTP_URL or ROSTER_MAIL_WEBHOOK.');
  }
  return wayOut(route);
}

async function wayOut(route: Route): Promise<string> {
  try {
    return await reached(route);
  } catch (error) {
    if (error instanceof DeliveryError) throw new Finding(`${sentence(error.message)} ${advice[route.by]}`);
    throw error;
  }
}

async function reached(route: Route): Promise<string> {
  switch (route.by) {
    case 'smtp':
      await verifySmtp(route.server, route.outgoing);
      return `${route.server.host}:${route.server.port} takes mails${route.server.login ? ' from this login' : ''}`;
    case 'webhook': {
      const http = new HttpClient(route.outgoing);
      try {
        await probeWebhook(http, route.url, AbortSignal.timeout(patienceMs));
      } finally {
        await http.close();
      }
      return `${new URL(route.url).host} answers`;
    }
    case 'files':
      return `are written to ${route.folder}, and leave no other way`;
    case 'nothing':
      if (route.problem === undefined) return 'not configured: they wait, and expire';
      throw new Finding(`${route.problem}. Until that is mended, they wait.`);
  }
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const advice: Record<Route['by'], string> = {
  smtp: 'Check host, port, user and password in ROSTER_SMTP_URL; a certificate of your own authority goes into ROSTER_OUTGOING_CA.',
  webhook: 'Check the URL; a private address must stand in ROSTER_OUTGOING_PRIVATE.',
  files: '',
  nothing: '',
};

async function outbox(app: App): Promise<string> {
  const { waiting, since, dead, expired } = await countLetters(app);
  const oldest = since ? `, the oldest for ${age(app.clock().getTime() - since.getTime())}` : '';
  const late = expired === 0 ? '' : `; ${expired} expired before they could leave ("outbox list --dead"), and go by themselves`;
  const queue = `${waiting} waiting${oldest}${late}`;
  if (dead === 0) return queue;
  throw new Finding(`${queue}; ${dead} given up. See "outbox list --dead"; "outbox retry --all-dead" sends them again.`);
}
