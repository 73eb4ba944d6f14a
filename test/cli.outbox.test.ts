// `npm run roster -- outbox …` and `doctor`, as an operator types them.
import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHuman, unique } from './support/actors.ts';
import { createDatabase } from './support/database.ts';
import { serve } from './support/edge.ts';
import { commandHere, dataOf, roster, rosterHere, startCommand } from './support/roster.ts';
import { rsaPublicKey } from './support/rsa.ts';
import { scratch } from './support/scratch.ts';
import { startServer, type TestServer } from './support/server.ts';
import { certificateFile, type Smtp, startSmtp } from './support/smtp.ts';
import { startWebhook } from './support/webhook.ts';

let server: TestServer;

beforeAll(async () => {
  // With no way out: what it queues stays.
  server = await startServer({ env: { ROSTER_MESSAGE_FILES: 'off' } });
});

beforeEach(async () => {
  // The command line goes by the real clock.
  server.setTime(new Date());
  await server.sql`delete from outbox`;
});

const mailOf = (smtp: Smtp) => ({
  ROSTER_SMTP_URL: smtp.url,
  ROSTER_MAIL_FROM: 'users@example.com',
  ROSTER_OUTGOING_CA: certificateFile,
});

const eventually = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 30_000, interval: 10 });

describe('the outbox', () => {
  test('lists what was given up, sends it again, and drops what is not wanted', async () => {
    let refused = '';
    const smtp = await startSmtp({ trouble: (stage, to) => (stage === 'recipient' && refused.includes(to) ? 550 : undefined) });
    const server = await startServer({ env: mailOf(smtp) });
    server.setTime(new Date());
    const [one, two] = [`${unique('one')}@example.net`, `${unique('two')}@example.net`];
    refused = `${one} ${two}`;
    for (const email of [one, two]) await createHuman(server, { email: { email } });
    await eventually(async () => expect(await server.sql`select id from outbox where dead_at is not null`).toHaveLength(2));

    const outbox = (...args: string[]) => rosterHere(server, ['outbox', ...args]);
    const listed = await roster(server, 'outbox', 'list', '--dead');
    expect(listed.code).toBe(0);
    const lines = listed.said.split('\n');
    expect(lines).toHaveLength(2);
    for (const to of [one, two]) {
      const line = lines.find((line) => line.includes(to));
      expect(line).toMatch(
        /^\d+ {2}verify-email {2}email {2}\S+ {2}\d+ (s|min) old {2}1 attempt {2}given up \S+Z {2}the SMTP server refuses the recipient \(550\)$/,
      );
    }
    const [row] = await server.sql<{ id: string }[]>`select id from outbox order by id`;
    const id = row?.id ?? '';
    expect(await outbox('remove', '--id', id)).toEqual({ code: 0, said: '1 message is removed.' });
    expect(await outbox('remove', '--id', id)).toEqual({ code: 1, said: `There is no message ${id}.` });
    expect((await outbox('retry', '--id', id)).code).toBe(1);

    refused = '';
    server.setTime(new Date(Date.now() + 30 * 60_000));
    expect(await outbox('retry', '--all-dead')).toEqual({ code: 0, said: '1 message is sent again.' });
    expect(lines.find((line) => line.startsWith(`${id} `))).not.toContain((await smtp.next()).recipient);
    await eventually(async () => expect(await server.sql`select id from outbox`).toEqual([]));
    expect(await outbox('list')).toEqual({ code: 0, said: 'The outbox is empty.' });
    expect(await outbox('list', '--dead')).toEqual({ code: 0, said: 'No message was given up.' });
  });

  test('lists what waits, and sends no code that has expired', async () => {
    const email = `${unique('waiting')}@example.net`;
    await createHuman(server, { email: { email } });
    const listed = await rosterHere(server, ['outbox', 'list']);
    expect(listed).toEqual({ code: 0, said: expect.stringMatching(/^\d+ {2}verify-email .* {2}0 attempts {2}due now$/) });
    expect(listed.said).toContain(email);
    await server.sql`update outbox set dead_at = now(), failure = 'expired', expires_at = now() - interval '1 second'`;
    for (const [command, said] of [
      ['retry', '0 messages are sent again.'],
      ['remove', '1 message is removed.'],
    ] as const) {
      expect(await rosterHere(server, ['outbox', command, '--all-dead'])).toEqual({ code: 0, said });
    }
    expect(await server.sql`select id from outbox`).toEqual([]);
  });

  test('says what is missing', async () => {
    const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    for (const args of [['retry'], ['retry', '--id', '1', '--all-dead'], ['remove'], ['remove', '--id', '1', '--all-dead']]) {
      expect(await commandHere(['outbox', ...args], env)).toEqual({
        code: 2,
        said: expect.stringMatching(/^Not done\. /),
      });
    }
  });
});

describe('the doctor', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(scratch, 'roster-doctor-'));
    onTestFinished(() => rm(dataDir, { recursive: true }));
  });

  const findingsIn = ({ code, said }: { code: number | null; said: string }) => {
    const found = said.split('\n').flatMap((line) => {
      const [, verdict = '', name = '', text = ''] = /^(ok|problem) +(\S+(?: \S+)?) {2,}(.*)$/.exec(line) ?? [];
      return verdict === '' ? [] : [[name, { well: verdict === 'ok', text }] as const];
    });
    return { code, said, found: Object.fromEntries(found) };
  };
  const doctor = async (env: NodeJS.ProcessEnv) => findingsIn(await commandHere(['doctor'], { NO_COLOR: '1', ...env }));
  /** Of a process: whatever it logs is among what it said. */
  const doctorApart = async (env: NodeJS.ProcessEnv) => {
    const child = startCommand(server, ['doctor'], env);
    return findingsIn({ code: await child.exited, said: child.output() });
  };

  test('finds nothing where all is well', async () => {
    const smtp = await startSmtp({ login: { user: 'roster', password: 'right' } });
    const webhook = await startWebhook();
    const env = {
      ROSTER_PUBLIC_URL: 'https://roster.example.com',
      ROSTER_SMS_WEBHOOK: webhook.url,
      ...webhook.env,
      ...mailOf(smtp),
    };
    const { code, said, found } = await doctor({ ...dataOf(server), ...env });
    expect(said.split('\n').filter((line) => !line.startsWith('ok'))).toEqual([]);
    expect(Object.keys(found)).toEqual([
      'configuration',
      'data folder',
      'public URL',
      'database',
      'mails',
      'text messages',
      'outbox',
    ]);
    expect(code).toBe(0);
    expect([smtp.messages, webhook.messages]).toEqual([[], []]);
  });

  test('tells everything that is wrong at once, and what to do, and no secret', async () => {
    const smtp = await startSmtp({ login: { user: 'roster', password: 'right' } });
    await createHuman(server, { email: { email: 'given-up@example.net' } });
    await server.sql`update outbox set dead_at = now(), failure = 'refused', expires_at = now() + interval '1 hour'`;
    const { code, said, found } = await doctorApart({
      ...mailOf(smtp),
      ROSTER_SMTP_URL: `smtp://roster:wrong-password@127.0.0.1:${smtp.port}`,
      ROSTER_PUBLIC_URL: 'http://roster.example.com',
      ROSTER_SMS_WEBHOOK: 'https://169.254.169.254/latest',
      ROSTER_WEBHOOK_SECRET: 'a-secret-that-nobody-must-ever-see',
    });
    expect(code).toBe(1);
    expect(found).toMatchObject({
      configuration: { well: true },
      'data folder': { well: true },
      'public URL': { well: false, text: expect.stringContaining('https') },
      database: { well: true },
      mails: { well: false, text: expect.stringMatching(/refuses the login \(535\).*ROSTER_SMTP_URL/) },
      'text messages': { well: false, text: expect.stringMatching(/forbidden address.*ROSTER_OUTGOING_PRIVATE/) },
      outbox: { well: false, text: expect.stringMatching(/1 given up.*outbox list --dead/) },
    });
    expect(said).not.toMatch(/wrong-password|nobody-must-ever-see|given-up@/);
  });

  test('tells of a server with too few connections, and of what came too late, which is no problem', async () => {
    for (const mail of ['late', 'later']) await createHuman(server, { email: { email: `${mail}@example.net` } });
    await server.sql`update outbox set dead_at = now(), failure = 'expired', expires_at = now() - interval '1 hour'`;
    const env = { ...dataOf(server), ROSTER_LISTEN: '127.0.0.1:0' };
    const crowded = await doctor({ ...env, ROSTER_DATABASE_POOL: '1000' });
    expect(crowded.found.database).toMatchObject({ well: false, text: expect.stringMatching(/may want 1003.*max_connections/) });
    const { code, found } = await doctor(env);
    expect(found).toMatchObject({
      'public URL': { well: true, text: 'http://localhost with a port that is free at the start (ROSTER_LISTEN has port 0)' },
      outbox: { well: true, text: expect.stringMatching(/^0 waiting; 2 expired before they could leave/) },
    });
    expect(JSON.stringify(found)).not.toContain('retry');
    expect(code).toBe(0);
  });

  test('works where neither configuration nor database does', async () => {
    const misspelt = await doctor({ ROSTER_DATA: dataDir, ROSTER_LISTEN: 'here', ROSTER_SMPT_URL: 'smtp://a' });
    expect(misspelt).toMatchObject({ code: 1, found: { configuration: { well: false } } });
    expect(misspelt.said).toContain('ROSTER_LISTEN');
    expect(misspelt.said).toContain('ROSTER_SMTP_URL?');

    const away = await doctorApart({
      ROSTER_DATA: dataDir,
      DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/none',
      ROSTER_SMTP_URL: 'mail',
    });
    expect(away).toMatchObject({
      code: 1,
      found: {
        configuration: { well: true },
        database: { well: false, text: expect.stringContaining('Nothing listens at 127.0.0.1:1') },
        mails: { well: false, text: expect.stringContaining('ROSTER_SMTP_URL') },
        outbox: { well: false },
      },
    });
    expect(away.said).not.toContain('hidden');

    const stopped = await doctor({ ROSTER_DATA: dataDir });
    expect(stopped).toMatchObject({ code: 1, found: { database: { well: false, text: expect.stringContaining('npm start') } } });
  });

  test('changes nothing: no migration, no key', async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const { found } = await doctor({ ROSTER_DATA: dataDir, DATABASE_URL: database.url });
    expect(found.database).toMatchObject({ well: false, text: expect.stringContaining('master.key') });
    const again = await doctor({ ROSTER_DATA: dataDir, DATABASE_URL: database.url });
    expect(again.found.database).toEqual(found.database);
  });

  test('asks each trusted issuer for the keys that the service would ask it for', async () => {
    interface Issuer {
      /** What it answers; by default a sound document, and 404 to who asks for keys. */
      discovery?: object | string;
      keys?: object | string;
      settings?: object;
    }
    const answers = new Map<string, object | string | undefined>();
    const { port } = await serve((request, response) => {
      const told = answers.get(request.url ?? '');
      response.statusCode = told === undefined ? 404 : 200;
      response.end(typeof told === 'string' ? told : JSON.stringify(told));
    });
    const origin = `http://127.0.0.1:${port}`;
    const look = async (issuers: Record<string, Issuer>) => {
      const configured = Object.entries(issuers).map(([name, { discovery, keys, settings }]) => {
        const issuer = `${origin}/${name}`;
        answers.set(`/${name}/.well-known/openid-configuration`, discovery ?? { issuer, jwks_uri: `${issuer}/keys` });
        answers.set(`/${name}/keys`, keys);
        return { issuer, audience: 'roster', ...settings };
      });
      const env = { ROSTER_TRUSTED_ISSUERS: JSON.stringify(configured), ROSTER_OUTGOING_PRIVATE: '127.0.0.1' };
      const { code, said } = await doctor({ ...dataOf(server), ...env });
      expect(said).not.toContain('hidden');
      const told = said.split('\n').filter((line) => / issuer {2,}/.test(line));
      return { code, told: told.map((line) => line.replaceAll(`${origin}/`, '').replace(/ +issuer +/, ': ')) };
    };
    const rsa = (bits = 2048) => createPublicKey(rsaPublicKey(bits)).export({ format: 'jwk' });
    const ec = await generateKeyPair('ES256', { extractable: true });
    const keys = [{ ...rsa(), kid: 'a' }, { ...rsa(), kid: 'b' }, await exportJWK(ec.publicKey)];

    const direct = { jwksUri: `${origin}/both/keys`, algorithms: ['ES256'] };
    const well = { both: { keys: { keys } }, one: { keys: { keys: [rsa()] } }, direct: { discovery: 'none', settings: direct } };
    expect(await look(well)).toEqual({
      code: 0,
      told: ['ok: both shows keys for RS256, ES256', 'ok: one shows keys for RS256', 'ok: direct shows keys for ES256'],
    });

    const evil = '\u001b[31m\u202e\ud800';
    const { code, told } = await look({
      empty: { keys: { keys: [] } },
      alike: { keys: { keys: [rsa(), rsa()] } },
      short: { keys: { keys: [rsa(1024)] } },
      encrypting: { keys: { keys: [{ ...rsa(), use: 'enc' }] } },
      private: { keys: { keys: [await exportJWK(ec.privateKey)] } },
      unfit: { keys: { keys }, settings: { algorithms: ['EdDSA'] } },
      page: { keys: '<html>hidden' },
      none: { keys: { hidden: [] } },
      other: { discovery: { issuer: `${origin}/other/${evil}`, jwks_uri: `${origin}/other/keys` }, keys: { keys } },
      nameless: { discovery: {} },
      garbled: { discovery: '<html>hidden' },
      keyless: { discovery: { issuer: `${origin}/keyless`, jwks_uri: 'keys' } },
      away: {},
      moved: { settings: { jwksUri: `${origin}/elsewhere?key=hidden` } },
      down: { settings: { issuer: 'http://127.0.0.1:1' } },
      internal: { settings: { issuer: 'https://127.0.0.2' } },
    });
    const noKey = (algorithms: string) => `it shows no key for ${algorithms}. Set algorithms in ROSTER_TRUSTED_ISSUERS`;
    const expected = [
      ...['empty', 'alike', 'short', 'encrypting', 'private'].map((name) => `${name}: ${noKey('RS256, ES256')}`),
      `unfit: ${noKey('EdDSA')}`,
      'page: its key set cannot be read. Set',
      'none: its key set cannot be read. Set',
      'other: its discovery document is of another issuer, other/%1B%5B31m%E2%80%AE%EF%BF%BD. Write issuer in ROSTER_TRUSTED_ISSUERS',
      'nameless: its discovery document is of another issuer, without a name. Write',
      'garbled: its discovery document cannot be read. Write',
      'keyless: its discovery document names no keys. Write',
      `away: 127.0.0.1:${port} answers 404 when asked for its keys. Check issuer and jwksUri in ROSTER_TRUSTED_ISSUERS`,
      `moved: 127.0.0.1:${port} answers 404 when asked for its keys. Check`,
      'http://127.0.0.1:1: 127.0.0.1:1 does not answer (ECONNREFUSED). Check',
      'https://127.0.0.2: 127.0.0.2 stands at a forbidden address. Check',
    ];
    expect(told).toEqual(expected.map((text) => expect.stringContaining(`problem: ${text}`)));
    expect(code).toBe(1);
  });
});
