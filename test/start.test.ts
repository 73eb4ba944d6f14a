// `npm start` as an operator sees it: what a first start leaves behind and says, that the next ones find it again after an end
// by a signal and by force, and what one says that cannot succeed.
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { start } from '../src/app.ts';
import { type Config, readConfig } from '../src/config.ts';
import { startProblem } from '../src/problems.ts';
import { welcome } from '../src/welcome.ts';
import { createDatabase } from './support/database.ts';
import { databaseUrl } from './support/postgres.ts';
import { addressOf, type Child, end, startRoster, usersAt } from './support/process.ts';
import { scratch } from './support/scratch.ts';

const support = (name: string) => fileURLToPath(new URL(`support/${name}`, import.meta.url));

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(scratch, 'roster-start-'));
  return () => rm(base, { recursive: true, force: true });
});

const quiet = { ROSTER_LOG_LEVEL: 'silent', ROSTER_LISTEN: '127.0.0.1:0' };

/** The folder of a test; absent until something makes it. */
const folder = (name: string) => join(base, name);

async function database(): Promise<string> {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  return url;
}

const call = (address: string, token: string) =>
  fetch(`${address}/zitadel.user.v2.UserService/ListUsers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' },
    body: '{}',
  });

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test('a first start needs nothing, writes the token for its owner only, and says where; the next find all as it was', async () => {
  const data = folder('first');
  const child = startRoster({ ROSTER_DATA: data }, { cwd: base });
  const address = await addressOf(child);
  await child.line("The owner's token was written to first/admin.pat");
  await child.line(`curl -s ${address}/zitadel.user.v2.UserService/ListUsers -H "Authorization: Bearer $(cat first/admin.pat)"`);
  await child.line(`grpcurl -plaintext -H "Authorization: Bearer $(cat first/admin.pat)" ${new URL(address).host} `);
  const token = await readFile(join(data, 'admin.pat'), 'utf8');
  expect((await call(address, token)).status).toBe(200);
  for (const secret of ['admin.pat', 'master.key', 'postgres.password']) {
    expect([secret, (await stat(join(data, secret))).mode & 0o777]).toEqual([secret, 0o600]);
  }
  expect(child.output()).not.toContain(token.trim());

  const beside = startRoster({ ROSTER_DATA: data });
  expect(await beside.exited).toBe(1);
  expect(beside.output()).toMatch(
    `Roster did not start. The data folder ${data} is in use by process ${child.process.pid}. Stop that first`,
  );
  expect((await call(address, token)).status).toBe(200);

  const users = await usersAt(child, token.trim());
  const { userId } = await users.addHumanUser({
    profile: { givenName: 'Ada', familyName: 'Lovelace' },
    email: { email: 'ada@example.com', verification: { case: 'isVerified', value: true } },
  });
  await users.setUserMetadata({ userId, metadata: [{ key: 'k', value: Uint8Array.of(0, 255) }] });
  const seen = async (at: Child) => {
    const again = await usersAt(at, token.trim());
    const [{ result }, { metadata }] = await Promise.all([again.listUsers({}), again.listUserMetadata({ userId })]);
    return { result, metadata };
  };
  const before = await seen(child);
  expect(before.result).toHaveLength(2);
  expect(await end(child)).toBe(0);

  const second = startRoster({ ROSTER_DATA: data });
  expect(await seen(second)).toEqual(before);
  expect(second.output()).not.toContain("The owner's token was written");
  expect(await readFile(join(data, 'admin.pat'), 'utf8')).toBe(token);
  await end(second, 'SIGKILL');

  expect(await seen(startRoster({ ROSTER_DATA: data }))).toEqual(before);
});

describe('a start that cannot succeed ends with one message that says what to do', () => {
  /** Starts, expects the failure, and returns what was said. */
  async function refused(env: NodeJS.ProcessEnv): Promise<string> {
    const child = startRoster({ ROSTER_LOG_LEVEL: 'warn', ...env });
    expect(await child.exited).toBe(1);
    return child.output();
  }

  /** The same in this process: what the message says behind its first words. */
  async function problemOf(env: NodeJS.ProcessEnv): Promise<string | undefined> {
    let config: Config | undefined;
    try {
      config = readConfig({ ...quiet, ...env });
      const running = await start(config);
      await running.close();
    } catch (error) {
      return startProblem(error, config);
    }
    throw new Error('It started.');
  }

  test('when the port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void holder.close());
    const port = await new Promise<number>((resolve) => {
      holder.once('listening', () => {
        const address = holder.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    const env = { ROSTER_DATA: folder('port'), DATABASE_URL: await database(), ROSTER_LISTEN: `127.0.0.1:${port}` };
    expect(await refused(env)).toBe(
      `Roster did not start. Port ${port} is in use. Stop what uses it, or set ROSTER_LISTEN, for example ROSTER_LISTEN=127.0.0.1:8081.`,
    );
  });

  test('when the database is not there', async () => {
    const data = folder('unreachable');
    expect(await problemOf({ ROSTER_DATA: data, DATABASE_URL: 'postgres://me:geheim@127.0.0.1:1/roster' })).toBe(
      'Nothing listens at 127.0.0.1:1. Start Postgres there, or correct host and port in DATABASE_URL.',
    );
    expect(await readdir(data)).toEqual([]);
  });

  test('when the password is wrong', async () => {
    const data = folder('password');
    const url = new URL(inject('serverUrl'));
    url.password = 'geheim';
    expect(await refused({ ROSTER_DATA: data, DATABASE_URL: url.href })).toBe(
      `Roster did not start. ${url.host} refuses the password of the user ${url.username}. Correct it in DATABASE_URL.`,
    );
    expect(await readdir(data)).toEqual([]);
  });

  test('when there is no such database', async () => {
    const data = folder('no-database');
    const url = databaseUrl(inject('serverUrl'), 'nowhere');
    expect(await problemOf({ ROSTER_DATA: data, DATABASE_URL: url })).toMatch(/^There is no database nowhere at .+ Create it/);
    expect(await readdir(data)).toEqual([]);
  });

  test('when the configuration is wrong: all of it, secrets left out', async () => {
    const data = folder('configuration');
    const said = await refused({
      ROSTER_DATA: data,
      ROSTER_LISTEN: '8080',
      ROSTER_PUBLIC_URl: 'https://users.example.com',
      DATABASE_URL: 'postgres://me:ge%heim@db/roster',
    });
    expect(said.split('\n')).toEqual([
      'Roster did not start. The configuration is wrong:',
      '- ROSTER_PUBLIC_URl is unknown. Did you mean ROSTER_PUBLIC_URL?',
      expect.stringMatching(/^- ROSTER_LISTEN is "8080": write host:port/),
      expect.stringMatching(/^- DATABASE_URL: not a URL/),
    ]);
    expect(said).not.toContain('heim');
    expect(await exists(data)).toBe(false);
  });

  test('when the master key is not the one that the data was written with', async () => {
    const url = await database();
    const first = await start(readConfig({ ...quiet, ROSTER_DATA: folder('key'), DATABASE_URL: url }));
    await first.close();
    const data = folder('other-key');
    expect(await problemOf({ ROSTER_DATA: data, DATABASE_URL: url, ROSTER_MASTER_KEY: '0'.repeat(64) })).toMatch(
      /^The database was written under another master key.+copy master\.key.+or set ROSTER_MASTER_KEY/,
    );
    expect(await readdir(data)).toEqual([]);
  });

  test('when the data folder cannot be made', async () => {
    await writeFile(folder('a-file'), '');
    const data = join(folder('a-file'), 'data');
    expect(await problemOf({ ROSTER_DATA: data })).toMatch(/^.*a-file.*ROSTER_DATA/);
  });

  test('when certificate and key are no pair', async () => {
    const said = await problemOf({
      ROSTER_DATA: folder('tls'),
      ROSTER_TLS_CERT: support('tls/cert.pem'),
      ROSTER_TLS_KEY: support('tls/cert.pem'),
    });
    expect(said).toMatch(/ROSTER_TLS_CERT and ROSTER_TLS_KEY: they have to be a certificate and its key/);
    expect(await exists(folder('tls'))).toBe(false);
  });
});

test('a signal during the start ends it, cleanly', async () => {
  const data = folder('interrupted');
  const child = startRoster({ ROSTER_DATA: data });
  await child.line('creating the embedded Postgres');
  expect(await end(child, 'SIGINT')).toBe(0);
  expect(child.output()).not.toContain('Try:');
  expect(await readdir(join(data, 'postgres'))).not.toContain('postmaster.pid');
  expect(await exists(join(data, 'admin.pat'))).toBe(true);
});

describe('the calls to try', () => {
  const tls = { ROSTER_TLS_CERT: support('tls/cert.pem'), ROSTER_TLS_KEY: support('tls/key.pem') };

  /** The lines of a start with this configuration; `url` is what `start` makes of it. */
  function lines(env: NodeJS.ProcessEnv, url = env.ROSTER_PUBLIC_URL ?? 'http://localhost:4711'): string[] {
    const config = readConfig({ ROSTER_DATA: folder('nothing'), ...env });
    return welcome({ url, port: 4711, tokenFile: undefined }, config).split('\n');
  }

  test('go to the port that was free', () => {
    const [first, , curl, grpcurl, docs] = lines({ ROSTER_LISTEN: '127.0.0.1:0' });
    expect(first).toMatch(/at http:\/\/localhost:4711\.$/);
    expect(curl).toContain(' -s http://localhost:4711/zitadel.user.v2.UserService/ListUsers ');
    expect(grpcurl).toContain(' localhost:4711 zitadel.user.v2.UserService/ListUsers');
    expect(docs).toContain(' http://localhost:4711/docs ');
  });

  test('go to this machine when the public URL leads to a proxy', () => {
    const [first, , curl, grpcurl] = lines({ ROSTER_LISTEN: '10.0.0.5:4711', ROSTER_PUBLIC_URL: 'https://users.example.com' });
    expect(first).toMatch(/at https:\/\/users\.example\.com, and listens at http:\/\/10\.0\.0\.5:4711\.$/);
    expect(curl).toContain(' -s http://10.0.0.5:4711/');
    expect(grpcurl).toMatch(/grpcurl -plaintext .* 10\.0\.0\.5:4711 /);
  });

  test('take the name of the certificate with TLS, and no notice of one that signs itself', () => {
    const [, , curl, grpcurl] = lines({ ...tls, ROSTER_LISTEN: ':4711', ROSTER_PUBLIC_URL: 'https://users.example.com' });
    expect(curl).toContain(' -sk https://users.example.com/');
    expect(grpcurl).toMatch(/grpcurl -insecure .* users\.example\.com:443 /);
  });

  test('put an IPv6 address in brackets', () => {
    const [, , curl, grpcurl] = lines({ ROSTER_LISTEN: '[::1]:4711' }, 'http://[::1]:4711');
    expect(curl).toContain(' http://[::1]:4711/');
    expect(grpcurl).toContain(' [::1]:4711 ');
  });

  test('take the token from a variable when its file is not here', () => {
    for (const line of lines({}).slice(2, 4)) expect(line).toContain('"Authorization: Bearer $TOKEN"');
  });

  test('come with the folder of the messages where these are not sent, and only there', () => {
    const folderOf = (env: NodeJS.ProcessEnv) => lines({ ROSTER_DATA: '.roster', ...env }).slice(5);
    const sms = { ROSTER_SMS_WEBHOOK: 'https://sms.example.com', ROSTER_WEBHOOK_SECRET: 's'.repeat(32) };
    const mail = { ROSTER_SMTP_URL: 'smtps://mail.example.com:465', ROSTER_MAIL_FROM: 'users@example.com' };
    expect(folderOf({})).toEqual(['Mails and text messages to people are written to .roster/outbox, and not sent.']);
    expect(folderOf(sms)).toEqual(['Mails to people are written to .roster/outbox, and not sent.']);
    expect(folderOf(mail)).toEqual(['Text messages to people are written to .roster/outbox, and not sent.']);
    expect(folderOf({ ...sms, ...mail })).toEqual([]);
    expect(folderOf({ ROSTER_PUBLIC_URL: 'https://users.example.com' })).toEqual([]);
  });

  test('can be pasted into a shell', async () => {
    const data = folder("it's here");
    await mkdir(data);
    await writeFile(join(data, 'admin.pat'), 'roster_pat_x\n');
    const [, , curl = '', grpcurl = ''] = lines({ ROSTER_DATA: data });
    for (const line of [curl, grpcurl]) {
      const { stdout } = await promisify(execFile)('sh', ['-c', line.replace(/^ *(curl|grpcurl)/, "printf '%s\\n'")]);
      expect(stdout.split('\n')).toContain('Authorization: Bearer roster_pat_x');
    }
  });
});

test('the log has lines for people in a terminal, and JSON elsewhere', async () => {
  const logger = new URL('../src/kernel/logger.ts', import.meta.url);
  const lineOf = async (isTTY: boolean) => {
    const program = `process.stdout.isTTY = ${isTTY}; const { createLogger } = await import('${logger}');
      createLogger('info').info({ port: 8080 }, 'ready');`;
    const env = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: '1' };
    return (await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env })).stdout;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
  expect(await lineOf(true)).toMatch(/^\[\d\d:\d\d:\d\d\] \x1b\[32mINFO\x1b\[39m: .*ready.*8080.*\n$/);
  expect(JSON.parse(await lineOf(false))).toMatchObject({ level: 30, port: 8080, msg: 'ready' });
});
