import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { LookupFunction } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { network } from '../../src/config/parse.ts';
import { mayBeReached, mayBeSpokenTo } from '../../src/kernel/http/addresses.ts';
import { ForbiddenAddress, HttpClient } from '../../src/kernel/http/client.ts';

const nothing = { allowed: [], certificates: undefined };
const allow = (...networks: string[]) => ({ allowed: networks.map(network), certificates: undefined });

const forbidden: [string, string[]][] = [
  ['this machine', ['127.0.0.1', '127.255.255.254', '::1']],
  ['no address', ['0.0.0.0', '0.1.2.3', '::', '']],
  ['private networks', ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fdff::1']],
  ['a provider’s inside', ['100.64.0.1', '100.127.255.255']],
  ['one cable', ['169.254.0.1', '169.254.169.254', 'fe80::1', 'febf::1', 'fe80::1%eth0']],
  ['many at once', ['224.0.0.1', '239.255.255.255', 'ff02::1', '255.255.255.255']],
  ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
  ['measurements', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
  ['the future', ['240.0.0.1', '254.255.255.255', '4000::1', '8000::1', 'e000::1']],
  ['protocols', ['192.0.0.1', '192.0.0.170', '192.88.99.1', '2001:1::1', '100::1', '5f00::1', '2001:20::1']],
  ['IPv4 within IPv6', ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '::ffff:0:127.0.0.1']],
  [
    'translators and tunnels',
    ['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1', '2002:7f00:1::', '2001::1', '2001:0:4136::1'],
  ],
  ['old sites', ['fec0::1']],
  ['what is no address', ['localhost', '127.1.example', '1.2.3.4.5', 'g::1']],
];

const reachable = [
  '8.8.8.8',
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '223.255.255.255',
  '2606:4700::1',
  '2a00:1450::1',
];

describe('an address', () => {
  test.each(forbidden)('of %s is not for us', (_, addresses) => {
    for (const address of addresses) expect(mayBeReached(address, []), address).toBe(false);
  });

  test('on the internet may be reached', () => {
    for (const address of reachable) expect(mayBeReached(address, []), address).toBe(true);
  });

  test('that is allowed may be reached, and none beside it', () => {
    const { allowed } = allow('10.0.0.5', '192.168.7.0/24', 'fd00:1::/32');
    for (const address of ['10.0.0.5', '192.168.7.0', '192.168.7.255', 'fd00:1::9']) {
      expect(mayBeReached(address, allowed), address).toBe(true);
    }
    for (const address of ['10.0.0.4', '10.0.0.6', '192.168.6.255', '192.168.8.0', 'fd00:2::1', '::ffff:10.0.0.5', '127.0.0.1']) {
      expect(mayBeReached(address, allowed), address).toBe(false);
    }
  });
});

test('without TLS only what is allowed is spoken to', () => {
  const { allowed } = allow('10.0.0.5');
  expect(mayBeSpokenTo(false, '8.8.8.8', allowed)).toBe(false);
  expect(mayBeSpokenTo(true, '8.8.8.8', allowed)).toBe(true);
  expect(mayBeSpokenTo(false, '10.0.0.5', allowed)).toBe(true);
  expect(mayBeSpokenTo(true, '10.0.0.6', allowed)).toBe(false);
});

interface Target {
  server: Server;
  port: number;
  requests: IncomingMessage[];
  /** Connections that came, with or without a request. */
  connections: () => number;
}

async function startTarget(
  answer: RequestListener = (_, response) => response.end('hello'),
  host = '127.0.0.1',
  at = 0,
): Promise<Target> {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  }).on('connection', () => connections++);
  server.listen(at, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  return { server, port: address && typeof address === 'object' ? address.port : 0, requests, connections: () => connections };
}

function clientOf(outgoing: ConstructorParameters<typeof HttpClient>[0], resolve?: LookupFunction): HttpClient {
  const client = new HttpClient(outgoing, resolve);
  onTestFinished(() => client.close());
  return client;
}

const post = (client: HttpClient, url: string, signal = AbortSignal.timeout(20_000)) =>
  client.send({ url, method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'body', signal });

/** A resolver that answers so, the first time and the next ones. */
const resolving =
  (...answers: string[][]): LookupFunction =>
  (_, { all }, callback) => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const found = (answer ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (all) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };

describe('a call', () => {
  test('reaches what is allowed, and brings its answer', async () => {
    const target = await startTarget();
    expect(await post(clientOf(allow('127.0.0.1')), `http://127.0.0.1:${target.port}/path?query=1`)).toMatchObject({
      status: 200,
      body: 'hello',
    });
    expect(target.requests[0]).toMatchObject({ method: 'POST', url: '/path?query=1' });
  });

  test.each([
    ['127.0.0.1'],
    ['localhost'],
    ['2130706433'],
    ['0x7f000001'],
    ['0177.0.0.1'],
    ['127.1'],
    ['0'],
    ['%31%32%37.0.0.1'],
    ['①②⑦.⓪.⓪.①'],
    ['[::1]'],
    ['[::ffff:127.0.0.1]'],
    ['[::ffff:7f00:1]'],
    ['[0:0:0:0:0:0:0:1]'],
    ['[64:ff9b::7f00:1]'],
    ['[2002:7f00:1::]'],
  ])('does not even connect to this machine, however it is written: %s', async (host) => {
    const [target, six] = [await startTarget(), await startTarget(undefined, '::1').catch(() => undefined)];
    for (const { port } of [target, ...(six ? [six] : [])]) {
      await expect(post(clientOf(nothing), `http://${host}:${port}/`)).rejects.toThrow(ForbiddenAddress);
      await expect(post(clientOf(nothing), `https://${host}:${port}/`)).rejects.toThrow(ForbiddenAddress);
    }
    expect([target.connections(), six?.connections() ?? 0]).toEqual([0, 0]);
  });

  test('does not follow a name to a forbidden address', async () => {
    const target = await startTarget();
    for (const answer of [['127.0.0.1'], ['10.0.0.1', '127.0.0.1'], ['::ffff:127.0.0.1']]) {
      const client = clientOf(nothing, resolving(answer));
      await expect(post(client, `http://rebound.example:${target.port}/`)).rejects.toThrow(ForbiddenAddress);
    }
    expect(target.connections()).toBe(0);
  });

  test('goes to those addresses of a name that are allowed, and to no other', async () => {
    const target = await startTarget();
    const beside = await startTarget(undefined, '127.0.0.2', target.port);
    const client = clientOf(allow('127.0.0.1'), resolving(['127.0.0.2', '127.0.0.1']));
    expect(await post(client, `http://mixed.example:${target.port}/`)).toMatchObject({ status: 200 });
    expect([target.connections(), beside.connections()]).toEqual([1, 0]);
  });

  test('goes where a name was found to lead, though it leads elsewhere the moment after', async () => {
    const target = await startTarget();
    const client = clientOf(allow('127.0.0.1'), resolving(['127.0.0.1'], ['169.254.169.254']));
    expect(await post(client, `http://rebinding.example:${target.port}/`)).toMatchObject({ status: 200 });
    await target.server.close().closeAllConnections();
    await expect(post(client, `http://rebinding.example:${target.port}/`)).rejects.toThrow();
  });

  test('follows no redirect', async () => {
    const inside = await startTarget();
    for (const status of [301, 302, 303, 307, 308]) {
      const target = await startTarget((_, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${inside.port}/` }).end();
      });
      expect(await post(clientOf(allow('127.0.0.1')), `http://127.0.0.1:${target.port}/`)).toMatchObject({ status });
    }
    expect(inside.connections()).toBe(0);
  });

  test('knows no proxy of the environment and keeps no cookie', async () => {
    const proxy = await startTarget();
    const target = await startTarget((_, response) => response.setHeader('set-cookie', 'a=b').end());
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
      const before = process.env[name];
      process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${proxy.port}`;
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    const client = clientOf(allow('127.0.0.1'));
    for (let call = 0; call < 2; call++) await post(client, `http://127.0.0.1:${target.port}/`);
    expect(proxy.connections()).toBe(0);
    expect(target.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
  });

  test('speaks TLS with certificates that are trusted, and with no other', async () => {
    const file = (name: string) => readFileSync(new URL(`../support/tls/${name}`, import.meta.url), 'utf8');
    const server = createTlsServer({ key: file('key.pem'), cert: file('cert.pem') }, (_, response) => response.end('secure'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close().closeAllConnections());
    const address = server.address();
    const url = `https://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}/`;
    const trusting = clientOf({ ...allow('127.0.0.1'), certificates: file('cert.pem') });
    expect(await post(trusting, url)).toMatchObject({ status: 200, body: 'secure' });
    await expect(post(clientOf(allow('127.0.0.1')), url)).rejects.toThrow(/self-signed/);
  });

  test('ends when it takes too long, and when the answer is too long', async () => {
    const silent = await startTarget(() => {});
    const client = clientOf(allow('127.0.0.1'));
    const stopping = new AbortController();
    silent.server.on('request', () => stopping.abort());
    await expect(post(client, `http://127.0.0.1:${silent.port}/`, stopping.signal)).rejects.toThrow(/abort/i);
    const endless = await startTarget((_, response) => {
      const more = () => {
        while (response.write('x'.repeat(16 * 1024)));
      };
      response.on('drain', more);
      more();
    });
    await expect(post(client, `http://127.0.0.1:${endless.port}/`)).rejects.toThrow(/size/);
  });
});
