import { connect } from 'node:http2';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { network } from '../../src/config/parse.ts';
import { networksBehind } from '../../src/server/network.ts';
import { outcome } from '../support/errors.ts';
import { epoch, type Protocol, startServer, type TestServer } from '../support/server.ts';

const proxies = ['10.0.0.7', '192.168.0.0/16', '2001:db8:ffff::/48'].map(network);
const networkOf = networksBehind({ trustedProxies: proxies, networkPrefix: 64 });
const from = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
  networkOf({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } });
/** Told by a proxy of ours. */
const told = (forwarded: string | string[]) => from('10.0.0.7', forwarded);

test('each request of a connection of a proxy is of whom it is forwarded for', () => {
  for (const order of [
    [undefined, '198.51.100.1', '198.51.100.2', undefined],
    ['198.51.100.1', undefined],
  ]) {
    const socket = { remoteAddress: '10.0.0.7' };
    const seen = order.map((forwarded) => networkOf({ socket, headers: { 'x-forwarded-for': forwarded } }));
    expect(seen).toEqual(order.map((forwarded) => forwarded ?? '10.0.0.7'));
  }
});

describe('the network of an address', () => {
  test.each([
    ['203.0.113.9', ['203.0.113.9', '::ffff:203.0.113.9', '::FFFF:cb00:7109', '0:0:0:0:0:ffff:203.0.113.9']],
    [
      '2001:db8:1:2::/64',
      [
        '2001:db8:1:2::1',
        '2001:DB8:1:2::1',
        '2001:0db8:0001:0002:0000:0000:0000:0001',
        '2001:db8:1:2:ffff:ffff:ffff:ffff',
        '2001:db8:1:2::203.0.113.9',
        '2001:db8:1:2::1%eth0',
      ],
    ],
    ['fe80::/64', ['fe80::1%eth0', 'fe80::1%eth-0.1', 'fe80::1%25eth0', 'fe80::2']],
    ['::/64', ['::1', '0:0:0:0:0:0:0:1', '::', '0::1']],
  ])('%s has one spelling', (key, spellings) => {
    for (const spelling of spellings) expect(from(spelling), spelling).toBe(key);
    for (const spelling of spellings) expect(told(spelling), `${spelling} of a proxy`).toBe(key);
  });

  test.each([
    ['203.0.113.9', '203.0.113.9:4711'],
    ['203.0.113.9', ' 203.0.113.9 '],
    ['2001:db8:1:2::/64', '[2001:db8:1:2::1]:4711'],
    ['2001:db8:1:2::/64', '[2001:db8:1:2::1]'],
    ['203.0.113.9', '[::ffff:203.0.113.9]:80'],
  ])('%s is what a proxy writes as "%s"', (key, written) => expect(told(written)).toBe(key));

  test('neighbours of a /64 are one, those beyond are not, and the prefix can be set', () => {
    expect(from('2001:db8:1:2::1')).not.toBe(from('2001:db8:1:3::1'));
    const wide = networksBehind({ trustedProxies: [], networkPrefix: 48 });
    const of = (remoteAddress: string) => wide({ socket: { remoteAddress }, headers: {} });
    expect(of('2001:db8:1:2::1')).toBe(of('2001:db8:1:3::1'));
    expect(of('2001:db8:1:2::1')).not.toBe(of('2001:db8:2:2::1'));
  });

  test('a zone is none of the address, whatever its prefix', () => {
    const narrow = networksBehind({ trustedProxies: [], networkPrefix: 128 });
    expect(narrow({ socket: { remoteAddress: 'fe80::1%eth0' }, headers: {} })).toBe('fe80::1/128');
  });

  test('a connection that is gone counts with all of those', () => {
    expect(from(undefined)).toBe('unknown');
    expect(from('')).toBe('unknown');
    expect(from(undefined, '203.0.113.9')).toBe('unknown');
  });

  test('whichever address it is within a /64, it is one network', () => {
    const half = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(half, half, half, (net, one, another) => {
        const spelled = (host: number[]) => [...net, ...host].map((part) => part.toString(16)).join(':');
        fc.pre(!from(spelled(one)).includes('.') && !from(spelled(another)).includes('.'));
        expect(from(spelled(one))).toBe(from(spelled(another)));
      }),
    );
  });
});

describe('trusted proxies', () => {
  test.each(['10.0.0.7', '10.0.0.0/8', '10.1.2.3/32', '::1', '2001:db8::/32', '2001:DB8::1/128'])('can be %s', (text) => {
    expect(network(text)).toHaveLength(2);
  });

  test.each([
    '',
    'proxy',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::/0',
    '0.0.0.0/0',
    '::1/129',
    '::ffff:10.0.0.7',
    '010.0.0.1',
    'fe80::1%eth0',
  ])('cannot be "%s"', (text) => expect(() => network(text)).toThrow('write addresses or networks'));
});

describe('X-Forwarded-For', () => {
  test('counts for nothing when no proxy of ours sent it', () => {
    expect(from('203.0.113.9', '198.51.100.1')).toBe('203.0.113.9');
    expect(from('203.0.113.9', '198.51.100.1, 10.0.0.7')).toBe('203.0.113.9');
    expect(from('10.0.0.8', '198.51.100.1')).toBe('10.0.0.8');
  });

  test.each([
    ['what the caller wrote himself is passed over', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['proxies behind proxies', '1.1.1.1, 198.51.100.1, 192.168.3.4, 10.0.0.7', '198.51.100.1'],
    ['a proxy that is spelled otherwise', '198.51.100.1, ::ffff:192.168.3.4', '198.51.100.1'],
    ['a proxy with an IPv6 address', '198.51.100.1, 2001:db8:ffff:1::5', '198.51.100.1'],
    ['the caller is within the trusted networks', '192.168.9.9, 192.168.3.4', '192.168.9.9'],
    ['what no proxy of ours wrote is not believed, even in front', '192.168.9.9, 198.51.100.1', '198.51.100.1'],
  ])('%s', (_, header, key) => {
    expect(told(header)).toBe(key);
    expect(told(header.split(', '))).toBe(key);
  });

  test.each([
    '',
    ' ',
    'unknown',
    '_hidden',
    '198.51.100',
    '0198.51.100.1',
    '0x7f.1',
    '2130706433',
    '198.51.100.1:',
    '::1::',
    ',',
    'a'.repeat(9999),
  ])('an entry that cannot be read stands for who sent it: "%s"', (entry) => {
    expect(told(entry)).toBe('10.0.0.7');
    expect(told(`198.51.100.1, ${entry}`)).toBe('10.0.0.7');
    expect(told(`198.51.100.1, ${entry}, 192.168.3.4`)).toBe('192.168.3.4');
  });

  test('whatever it says, what a caller puts in front of it changes nothing', () => {
    fc.assert(
      fc.property(fc.string(), (spoofed) => {
        expect(told(`${spoofed}, 198.51.100.1`)).toBe('198.51.100.1');
        expect(from('203.0.113.9', spoofed)).toBe('203.0.113.9');
      }),
    );
  });
});

describe('wrong tokens', () => {
  const tries = 10;
  const refused = 'Unauthenticated UNAUTHENTICATED';
  const slowed = 'ResourceExhausted TRIED_TOO_OFTEN';
  let server: TestServer;
  let address = 0;

  beforeAll(async () => {
    server = await startServer({
      env: { ROSTER_TRUSTED_PROXIES: '127.0.0.1', ROSTER_TRIES_PER_NETWORK: String(tries) },
    });
  });

  const call = (token: string, headers: Record<string, string>, protocol: Protocol = 'grpc') =>
    outcome(server.as(token, { headers, protocol }).users.getUserByID({ userId: '1' }));
  const guess = (forwarded: string, protocol?: Protocol) => call('wrong', { 'x-forwarded-for': forwarded }, protocol);
  const spend = async (forwarded: string) => {
    for (let n = 0; n < tries; n++) expect(await guess(forwarded)).toBe(refused);
  };
  const fresh = () => `198.51.100.${++address}`;

  test.each<Protocol>(['grpc', 'grpc-web', 'connect', 'connect-json'])('are slowed by network, over %s', async (protocol) => {
    const network = fresh();
    await spend(network);
    expect(await guess(network, protocol)).toBe(slowed);
    expect(await guess(`1.1.1.1, ${network}`, protocol)).toBe(slowed);
    expect(await guess(fresh(), protocol)).toBe(refused);
  });

  test('never slow a valid one', async () => {
    const network = fresh();
    await spend(network);
    expect(await guess(network)).toBe(slowed);
    for (let n = 0; n < 3 * tries; n++) {
      expect(await call(server.token, { 'x-forwarded-for': network })).toBe('NotFound USER_NOT_FOUND');
    }
  });

  test('are refused before and behind the body alike, and no token at all is no try', async () => {
    const network = fresh();
    const headers = { 'x-forwarded-for': network };
    for (let n = 0; n < 2 * tries; n++) expect(await call('', headers)).toBe(refused);
    const list = () => outcome(server.as('wrong', { headers }).users.listUsers({}));
    for (let n = 0; n < tries; n++) expect(await list()).toBe(refused);
    expect(await list()).toBe(slowed);
    expect(await guess(network)).toBe(slowed);
  });

  test('come back with time', async () => {
    const network = fresh();
    await spend(network);
    server.setTime(new Date(epoch.getTime() + 10_000));
    expect(await guess(network)).toBe(refused);
    expect(await guess(network)).toBe(slowed);
    server.setTime(epoch);
  });

  test('through one connection count for whom the proxy names', async () => {
    const session = connect(server.address);
    const status = (forwarded: string) =>
      new Promise<number>((resolve, reject) => {
        const request = session.request({
          ':method': 'POST',
          ':path': '/zitadel.user.v2.UserService/ListUsers',
          'content-type': 'application/json',
          authorization: 'Bearer wrong',
          'x-forwarded-for': forwarded,
        });
        request.once('response', (headers) => resolve(Number(headers[':status']))).once('error', reject);
        request.end('{}');
      });
    const [one, another] = [fresh(), fresh()];
    for (let n = 0; n < tries; n++) expect(await status(one)).toBe(401);
    expect(await status(one)).toBe(429);
    expect(await status(another)).toBe(401);
    session.destroy();
  });
});

test('without trusted proxies the header cannot be used to be somebody else', async () => {
  const server = await startServer({ env: { ROSTER_TRIES_PER_NETWORK: '10' } });
  const guess = (n: number) =>
    outcome(server.as('wrong', { headers: { 'x-forwarded-for': `198.51.100.${n}` } }).users.getUserByID({ userId: '1' }));
  for (let n = 0; n < 10; n++) expect(await guess(n)).toBe('Unauthenticated UNAUTHENTICATED');
  expect(await guess(10)).toBe('ResourceExhausted TRIED_TOO_OFTEN');
  expect(await outcome(server.as(server.token, { protocol: 'connect-json' }).users.getUserByID({ userId: '1' }))).toBe(
    'NotFound USER_NOT_FOUND',
  );
});
