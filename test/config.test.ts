import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError, readConfig, settings } from '../src/config.ts';
import { scratch } from './support/scratch.ts';

/** The problems of a configuration, each as its line. */
function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1);
    throw error;
  }
}

test('without any variable there is a configuration', () => {
  const folder = join(process.cwd(), '.roster', 'outbox');
  const files = { by: 'files', folder, from: { name: '', address: 'roster@localhost' } };
  expect(readConfig({})).toEqual({
    listen: { host: '127.0.0.1', port: 8080 },
    publicUrl: 'http://localhost:8080',
    dataDir: join(process.cwd(), '.roster'),
    databaseUrl: undefined,
    workers: availableParallelism(),
    databasePool: Math.min(80, Math.max(10, 4 * availableParallelism())),
    databasePrepare: true,
    masterKey: undefined,
    tls: undefined,
    corsOrigins: [],
    trustedProxies: [],
    networkPrefix: 64,
    triesPerNetwork: 100,
    lockAfterPasswordTries: 0,
    passkeyDomains: undefined,
    passkeyOrigins: [],
    mfaRequired: false,
    sessionLifetimeMs: undefined,
    trustedIssuers: [],
    maximumRecoveryCodes: 10,
    linkHosts: undefined,
    development: true,
    maxMessageBytes: 4 * 1024 * 1024,
    maxTimeoutMs: 60_000,
    drainMs: 30_000,
    logLevel: 'info',
    productName: 'Roster',
    phoneRegion: 'CH',
    delivery: { email: files, sms: files },
    outgoing: { allowed: [], certificates: undefined },
  });
});

test('an empty variable is one that is not set', () => {
  const empty = Object.fromEntries(settings.map(({ name }) => [name, '']));
  const { ROSTER_LINK_HOSTS: _, ...others } = empty;
  expect(readConfig(others)).toEqual(readConfig({}));
});

test('every default in the table can be written, or is words', () => {
  for (const { name, default: value } of settings) {
    const words = /none|any host|any domain|master\.key|<host>|on when|as many|for each/.test(value);
    if (!words) expect(readConfig({ [name]: value }), name).toEqual(readConfig({}));
  }
});

describe('ROSTER_LISTEN', () => {
  test.each([
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }, 'http://localhost'],
    ['[::1]:8080', { host: '::1', port: 8080 }, 'http://[::1]:8080'],
    [':8080', { host: '', port: 8080 }, 'http://localhost:8080'],
    ['users.internal:0', { host: 'users.internal', port: 0 }, 'http://users.internal:0'],
  ])('may be %s', (text, listen, publicUrl) => {
    expect(readConfig({ ROSTER_LISTEN: text })).toMatchObject({ listen, publicUrl });
  });

  test.each(['8080', 'localhost', 'localhost:', '::1:8080', '[::1]', '127.0.0.1:65536', 'http://a:80', 'a b:80'])(
    'may not be %s',
    (text) => {
      expect(problems({ ROSTER_LISTEN: text })).toEqual([
        expect.stringContaining(`- ROSTER_LISTEN is ${JSON.stringify(text)}: write host:port`),
      ]);
    },
  );
});

describe('ROSTER_PUBLIC_URL', () => {
  test.each([
    ['https://users.example.com', 'https://users.example.com', false],
    ['HTTPS://Users.Example.com:443/', 'https://users.example.com', false],
    ['http://127.0.0.2:3000', 'http://127.0.0.2:3000', true],
    ['http://app.localhost:3000', 'http://app.localhost:3000', true],
    ['https://[::1]', 'https://[::1]', true],
    ['https://localhost.example.com', 'https://localhost.example.com', false],
    ['https://127.0.0.1.example.com', 'https://127.0.0.1.example.com', false],
  ])('%s, and whether it is a development machine', (text, publicUrl, development) => {
    expect(readConfig({ ROSTER_PUBLIC_URL: text })).toMatchObject({ publicUrl, development });
    expect(readConfig({ ROSTER_PUBLIC_URL: text, ROSTER_DEVELOPMENT: 'off' }).development).toBe(false);
    expect(readConfig({ ROSTER_PUBLIC_URL: text, ROSTER_DEVELOPMENT: 'on' }).development).toBe(true);
  });

  test.each([
    'users.example.com',
    'ftp://example.com',
    'https://example.com/users',
    'https://example.com?a',
    'https://example.com#a',
    'https://user@example.com',
    'https://',
    'https:example.com',
    'https://exa mple.com',
    'https://example.com:99999',
  ])('may not be %s', (text) => {
    expect(problems({ ROSTER_PUBLIC_URL: text })).toEqual([expect.stringContaining('write scheme, host and port only')]);
  });
});

describe('DATABASE_URL', () => {
  test.each([
    'postgres://u:p@localhost/db',
    'postgresql://u:p%23@[::1]:5433/db?sslmode=verify-full',
    'postgres://u:p@a:5432,b:5433/db',
    'postgres://localhost',
  ])('may be %s', (text) => {
    expect(readConfig({ DATABASE_URL: text }).databaseUrl).toBe(text);
  });

  test.each([
    ['mysql://u:hidden@localhost/db', 'write postgres://'],
    ['localhost/hidden', 'write postgres://'],
    ['postgres://u:hidden#1@localhost/db', '%23'],
    ['postgres://u:hidden/1@localhost/db', '%2F'],
    ['postgres://u:hidden%1@localhost/db', '%25'],
    ['postgres:///hidden', 'not a URL'],
  ])('may not be %s, and is not repeated', (text, advice) => {
    const [problem, ...others] = problems({ DATABASE_URL: text });
    expect(others).toEqual([]);
    expect(problem).toContain(advice);
    expect(problem).not.toContain('hidden');
  });
});

describe('ROSTER_TRUSTED_ISSUERS', () => {
  const issuer = { issuer: 'https://login.example.com', audience: 'roster' };

  test('names whom to trust', () => {
    const named = { jwksUri: 'https://a.example.com/keys', algorithms: ['EdDSA'], claim: 'email', matches: 'username' };
    const text = JSON.stringify([issuer, { ...issuer, issuer: 'https://a.example.com', ...named }]);
    expect(readConfig({ ROSTER_TRUSTED_ISSUERS: text }).trustedIssuers).toEqual([
      { ...issuer, jwksUri: undefined, algorithms: ['RS256', 'ES256'], claim: 'sub', matches: 'id' },
      { ...issuer, issuer: 'https://a.example.com', ...named },
    ]);
  });

  test.each([
    ['no JSON', 'https://login.example.com', 'it is not JSON'],
    ['no list', issuer, 'write a JSON list'],
    ['a list of texts', ['x'], 'each issuer is an object'],
    ['one without audience', [{ issuer: issuer.issuer }], 'needs a text as audience'],
    ['one without a name', [{ audience: 'x' }], 'needs a text as issuer'],
    ['one that is no URL', [{ ...issuer, issuer: 'login' }], 'are http or https URLs'],
    ['one with keys nowhere', [{ ...issuer, jwksUri: 'file:///etc/keys' }], 'are http or https URLs'],
    ['one with a shared secret', [{ ...issuer, algorithms: ['HS256'] }], 'algorithms are a list of RS256'],
    ['one that need not sign', [{ ...issuer, algorithms: ['none'] }], 'algorithms are a list of RS256'],
    ['one without algorithms', [{ ...issuer, algorithms: [] }], 'algorithms are a list of RS256'],
    ['one that matches nothing', [{ ...issuer, matches: 'email' }], 'matches is id or username'],
    ['a misspelt field', [{ ...issuer, jwks_uri: 'x' }], 'an issuer has no jwks_uri'],
    ['one twice', [issuer, issuer], 'stands in it twice'],
  ])('may not be %s', (_, value, advice) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    expect(problems({ ROSTER_TRUSTED_ISSUERS: text })).toEqual([expect.stringContaining(advice)]);
  });
});

describe('ROSTER_MASTER_KEY', () => {
  const key = randomBytes(32);

  test.each(['hex', 'base64', 'base64url'] as const)('may be %s', (encoding) => {
    expect(readConfig({ ROSTER_MASTER_KEY: key.toString(encoding) }).masterKey).toEqual(key);
  });

  test.each([
    key.subarray(1).toString('hex'),
    key.subarray(1).toString('base64'),
    Buffer.concat([key, key]).toString('base64'),
    'correct horse battery staple',
    `${key.toString('hex')} `,
  ])('may be nothing else, and is not repeated (%#)', (text) => {
    const [problem] = problems({ ROSTER_MASTER_KEY: text });
    expect(problem).toContain('openssl rand -hex 32');
    expect(problem).not.toContain(text.trim());
  });
});

describe('ROSTER_TLS_CERT and ROSTER_TLS_KEY', () => {
  const file = (name: string) => fileURLToPath(new URL(`./support/tls/${name}`, import.meta.url));

  test('are read, and make the public URL https', async () => {
    const { tls, publicUrl } = readConfig({ ROSTER_TLS_CERT: file('cert.pem'), ROSTER_TLS_KEY: file('key.pem') });
    expect(tls).toEqual({ cert: await readFile(file('cert.pem'), 'utf8'), key: await readFile(file('key.pem'), 'utf8') });
    expect(publicUrl).toBe('https://localhost:8080');
  });

  test('go together', () => {
    expect(problems({ ROSTER_TLS_CERT: file('cert.pem') })).toEqual([
      '- ROSTER_TLS_CERT and ROSTER_TLS_KEY: set both or neither',
    ]);
    expect(problems({ ROSTER_TLS_KEY: file('key.pem') })).toHaveLength(1);
    expect(problems({ ROSTER_TLS_CERT: file('key.pem'), ROSTER_TLS_KEY: file('cert.pem') })).toEqual([
      expect.stringContaining('they have to be a certificate and its key'),
    ]);
  });

  test('that cannot be read are named, each once', async () => {
    const folder = await mkdtemp(join(scratch, 'roster-config-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    expect(problems({ ROSTER_TLS_CERT: folder, ROSTER_TLS_KEY: join(folder, 'key.pem') })).toEqual([
      `- ROSTER_TLS_CERT is ${JSON.stringify(folder)}: the file cannot be read (EISDIR)`,
      `- ROSTER_TLS_KEY is ${JSON.stringify(join(folder, 'key.pem'))}: the file cannot be read (ENOENT)`,
    ]);
  });
});

describe('lists', () => {
  test('are separated by commas and normalised', () => {
    const config = readConfig({
      ROSTER_CORS_ORIGINS: 'https://App.example.com/, http://localhost:3000,',
      ROSTER_LINK_HOSTS: 'App.example.com, bücher.example:8443',
    });
    expect(config.corsOrigins).toEqual(['https://app.example.com', 'http://localhost:3000']);
    expect(config.linkHosts).toEqual(['app.example.com', 'xn--bcher-kva.example:8443']);
  });

  test('of link hosts may be empty, which is not the same as unset', () => {
    expect(readConfig({ ROSTER_LINK_HOSTS: '' }).linkHosts).toEqual([]);
    expect(readConfig({}).linkHosts).toBe(undefined);
  });

  test.each(['*', 'https://*.example.com', 'example.com', 'https://example.com/path', 'null'])(
    'of origins may not hold %s',
    (text) => {
      expect(problems({ ROSTER_CORS_ORIGINS: text })).toHaveLength(1);
    },
  );

  test.each(['https://example.com', 'example.com/path', '*.example.com', 'user@example.com'])(
    'of hosts may not hold %s',
    (text) => {
      expect(problems({ ROSTER_LINK_HOSTS: text })).toHaveLength(1);
    },
  );
});

test.each([
  ['ROSTER_WORKERS', '1', { workers: 1, databasePool: 10 }],
  ['ROSTER_WORKERS', '8', { workers: 8, databasePool: 32 }],
  ['ROSTER_WORKERS', '64', { workers: 64, databasePool: 80 }],
  ['ROSTER_DATABASE_POOL', '1', { databasePool: 1 }],
  ['ROSTER_DATABASE_POOL', '1000', { databasePool: 1000 }],
  ['ROSTER_DATABASE_PREPARE', 'off', { databasePrepare: false }],
  ['ROSTER_MAX_MESSAGE_BYTES', '65536', { maxMessageBytes: 65536 }],
  ['ROSTER_MAX_MESSAGE_BYTES', '64MiB', { maxMessageBytes: 64 * 1024 * 1024 }],
  ['ROSTER_MAX_TIMEOUT', '1500ms', { maxTimeoutMs: 1500 }],
  ['ROSTER_MAX_TIMEOUT', '1h', { maxTimeoutMs: 3_600_000 }],
  ['ROSTER_DRAIN_TIMEOUT', '0s', { drainMs: 0 }],
  ['ROSTER_LOG_LEVEL', 'silent', { logLevel: 'silent' }],
  ['ROSTER_PRODUCT_NAME', ' Acme Accounts ', { productName: 'Acme Accounts' }],
  ['ROSTER_PHONE_REGION', 'US', { phoneRegion: 'US' }],
  ['ROSTER_DATA', '/var/lib/roster/', { dataDir: '/var/lib/roster' }],
])('%s may be %s', (name, text, expected) => {
  expect(readConfig({ [name]: text })).toMatchObject(expected);
});

test.each([
  ['ROSTER_DATABASE_POOL', ['0', '1001', '-1', '1.5', 'ten', '1e2']],
  ['ROSTER_DATABASE_PREPARE', ['true', 'ON', '1']],
  ['ROSTER_DEVELOPMENT', ['yes']],
  ['ROSTER_MAX_MESSAGE_BYTES', ['65535', '65MiB', '4MB', 'MiB', '1GiB']],
  ['ROSTER_MAX_TIMEOUT', ['30', '999ms', '61m', '30 seconds', '-5s', '1constructor']],
  ['ROSTER_DRAIN_TIMEOUT', ['2h']],
  ['ROSTER_LOG_LEVEL', ['verbose', 'INFO']],
  ['ROSTER_PRODUCT_NAME', ['a\r\nBcc: everybody', 'x'.repeat(101), ' ']],
  ['ROSTER_PHONE_REGION', ['ch', 'XX', 'CHE', 'constructor']],
])('%s may be none of %j', (name, texts) => {
  for (const text of texts) expect(problems({ [name]: text }), text).toEqual([expect.stringContaining(`- ${name} is `)]);
});

test('all problems are told at once', () => {
  const wrong = { ROSTER_LISTEN: 'x', ROSTER_DATABASE_POOL: 'x', ROSTER_MASTER_KEY: 'x', ROSTER_TYPO: 'x', ROSTER_TLS_KEY: '/x' };
  expect(problems(wrong).map((line) => line.slice(2).split(/[ :]/, 1)[0])).toEqual([
    'ROSTER_TYPO',
    'ROSTER_LISTEN',
    'ROSTER_DATABASE_POOL',
    'ROSTER_MASTER_KEY',
    'ROSTER_TLS_KEY',
  ]);
});

describe('an unknown variable', () => {
  test.each([
    ['ROSTER_LISTN', 'ROSTER_LISTEN'],
    ['ROSTER_PUBLICURL', 'ROSTER_PUBLIC_URL'],
    ['ROSTER_DATABASE_URL', 'DATABASE_URL'],
    ['ROSTER_DATABASE_POOLS', 'ROSTER_DATABASE_POOL'],
  ])('%s is a problem, with %s suggested', (name, suggestion) => {
    expect(problems({ [name]: 'x' })).toEqual([`- ${name} is unknown. Did you mean ${suggestion}?`]);
  });

  test('is one even when it is empty, but not without the prefix', () => {
    expect(problems({ ROSTER_TYPO: '' })).toHaveLength(1);
    expect(problems({ TYPO: 'x', PATH: 'x', DATABASE_POOL: 'x' })).toEqual([]);
  });

  test('is none when Kubernetes made it for a service named roster', () => {
    const made = {
      ROSTER_SERVICE_HOST: '10.0.0.1',
      ROSTER_SERVICE_PORT: '8080',
      ROSTER_SERVICE_PORT_GRPC: '8080',
      ROSTER_PORT: 'tcp://10.0.0.1:8080',
      ROSTER_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      ROSTER_PORT_8080_TCP_PROTO: 'tcp',
      ROSTER_PORT_8080_TCP_PORT: '8080',
      ROSTER_PORT_8080_TCP_ADDR: '10.0.0.1',
      ROSTER_DB_SERVICE_HOST: '10.0.0.2',
    };
    expect(problems(made)).toEqual([]);
    expect(problems({ ROSTER_PORT: '8080' })).toHaveLength(1);
  });
});
