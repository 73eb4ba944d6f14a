import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { masterKey, Problem } from './config/parse.ts';
import { type Config, ConfigError, listeningAt } from './config.ts';
import { decodersAtOnce } from './features/avatar/picture.ts';
import { setUp } from './features/organization/setup.ts';
import type { App } from './kernel/call.ts';
import { deriveKeys, newMasterKey } from './kernel/crypto/keys.ts';
import { openDatabase } from './kernel/db/client.ts';
import { type Embedded, startEmbedded } from './kernel/db/embedded.ts';
import { migrate } from './kernel/db/migrate.ts';
import { passwordsAtOnce } from './kernel/guessing.ts';
import { HttpClient } from './kernel/http/client.ts';
import { Ids } from './kernel/ids.ts';
import { createLogger } from './kernel/logger.ts';
import {
  challengeSends,
  challengeSendsSeconds,
  codeTriesPerNetwork,
  codeTrySeconds,
  ownSends,
  ownSendsSeconds,
  TryLimits,
} from './kernel/networks.ts';
import { openDelivery } from './kernel/outbox/delivery.ts';
import { noticesOf, Sender } from './kernel/outbox/sender.ts';
import type { Settings } from './kernel/settings.ts';
import { Sweeper } from './kernel/sweeping/sweeper.ts';
import { Turns } from './kernel/turns.ts';
import { serve } from './server/serve.ts';
import type { Group } from './workers/group.ts';

/** What a test, and nobody else, gives in place of the real thing. */
export interface Replacements {
  clock?: () => Date;
  onStatement?: (sql: string) => void;
}

/** What is there already when the app starts. */
export interface Surroundings {
  /** The embedded Postgres, on its way; closed with the app. */
  embedded?: Promise<Embedded> | undefined;
  /** The workers of which this process is one. */
  group?: Group;
}

export interface Running {
  app: App;
  url: string;
  port: number;
  /** Where the first owner's token was written, if this start wrote it. */
  tokenFile: string | undefined;
  /** Stops taking requests, lets the running ones end, then closes everything. */
  close(): Promise<void>;
}

/** Everything between a configuration and a server that answers. What was opened is closed again if a later step fails. */
export async function start(config: Config, replacements: Replacements = {}, surroundings: Surroundings = {}): Promise<Running> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer();
  };
  try {
    const { group } = surroundings;
    const { app, client } = await openApp(config, replacements, closers, surroundings);
    const tokenFile = await prepareData(app, config);
    const delivery = openDelivery(app, config.delivery);
    closers.push(delivery.close);
    const sender = new Sender(app, delivery.deliver);
    // Stops after the listener: requests that end meanwhile may still queue messages.
    closers.push(() => sender.stop(config.drainMs));
    const sweeper = new Sweeper(app);
    closers.push(() => sweeper.stop());
    const listener = await serve(app, config, () => noticesOf(config.delivery, sender), group);
    closers.push(() => listener.close(config.drainMs));
    app.settings.publicUrl = listeningAt(config, listener.port).publicUrl;
    if (!group || group.worker === 1) {
      // Links in what waits from before begin with the public URL.
      await sender.start(client);
      sweeper.start();
    }
    return { app, url: app.settings.publicUrl, port: listener.port, tokenFile, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of an answer of an identity provider: the metadata of a large federation member stays below it. */
const providerBytes = 1024 * 1024;

/** What calls identity providers and issuers. */
export const httpOf = ({ outgoing }: Config): HttpClient => new HttpClient({ ...outgoing, maximumBytes: providerBytes });

/** The app without its server: what the CLI works on. Pushes onto `closers` what must be closed, last first. */
export async function openApp(
  config: Config,
  { clock = () => new Date(), onStatement }: Replacements,
  closers: (() => Promise<void>)[],
  { embedded, group }: Surroundings = {},
): Promise<{ app: App; client: Sql }> {
  const log = createLogger(config.logLevel, group && { worker: group.worker });
  if (config.databaseUrl) await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const url = config.databaseUrl ?? (await ownDatabase(embedded ?? startEmbedded({ dataDir: config.dataDir, log }), closers));
  await migrate(url, { log });
  const { db, client, close } = openDatabase({
    url,
    pool: config.databasePool,
    prepare: config.databasePrepare,
    statementTimeoutMs: config.maxTimeoutMs,
    onStatement,
  });
  closers.push(close);
  const [row] = await client<{ node: number }[]>`select nextval('node_ids')::int as node`;
  const http = httpOf(config);
  closers.push(() => http.close());
  const keys = deriveKeys(config.masterKey ?? (await ownMasterKey(config.dataDir)));
  const turns = (name: string, atOnce: number) => group?.turns(name, atOnce) ?? new Turns(atOnce);
  const app = {
    db,
    clock,
    ids: new Ids(row?.node ?? 0, clock),
    keys,
    settings: settingsOf(config),
    log,
    http,
    tryLimits: new TryLimits(config.triesPerNetwork),
    codeTryLimits: new TryLimits(codeTriesPerNetwork, codeTriesPerNetwork * codeTrySeconds),
    passwordTurns: turns('passwords', passwordsAtOnce),
    decoderTurns: turns('decoders', decodersAtOnce),
    sendLimits: new TryLimits(ownSends, ownSendsSeconds, 'SENT_TOO_OFTEN'),
    challengeLimits: new TryLimits(challengeSends, challengeSendsSeconds, 'SENT_TOO_OFTEN'),
  };
  group?.shareLimits(app);
  return { app, client };
}

/** What of the configuration the rules depend on; a copy, as the public URL may be known only later. */
function settingsOf(config: Config): Settings {
  const { publicUrl, linkHosts, development, productName, phoneRegion, lockAfterPasswordTries } = config;
  const { passkeyDomains, passkeyOrigins, maximumRecoveryCodes, mfaRequired, sessionLifetimeMs, trustedIssuers } = config;
  const general = { publicUrl, linkHosts, development, productName, phoneRegion };
  return {
    ...general,
    lockAfterPasswordTries,
    passkeyDomains,
    passkeyOrigins,
    maximumRecoveryCodes,
    mfaRequired,
    sessionLifetimeMs,
    trustedIssuers,
  };
}

async function ownDatabase(starting: Promise<Embedded>, closers: (() => Promise<void>)[]): Promise<string> {
  const embedded = await starting;
  closers.push(() => embedded.stop());
  return embedded.url;
}

const ownerOnly = 0o600;

/** The master key of the data folder, made on the first start. It appears whole or not at all, and once. */
async function ownMasterKey(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, 'master.key');
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${newMasterKey().toString('hex')}\n`, { mode: ownerOnly, flush: true });
  await link(draft, file).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  await unlink(draft);
  return keyIn(file);
}

/** A file that is empty or cut short must not pass for a key: everything would be sealed with one that anybody can guess. */
async function keyIn(file: string): Promise<Buffer> {
  const text = (await readFile(file, 'utf8')).trim();
  try {
    return masterKey(text);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new ConfigError([`${file} holds no master key. Put it back from a backup, or ${error.message}`]);
  }
}

async function prepareData(app: App, { dataDir }: Config): Promise<string | undefined> {
  const file = join(dataDir, 'admin.pat');
  let written: string | undefined;
  await setUp(app, async (token) => {
    await writeFile(`${file}.new`, `${token}\n`, { mode: ownerOnly, flush: true });
    await rename(`${file}.new`, file);
    written = file;
  });
  return written;
}
