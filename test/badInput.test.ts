// What no request may do, whatever is in it: end the process, count as a fault of the server, or leave a trace.
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AddHumanUserRequestSchema } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { createHuman, createMachine } from './support/actors.ts';
import { type Memory, remember } from './support/isolation/memory.ts';
import { createProvider } from './support/providers.ts';
import { invalid, post, served, unreadable } from './support/rawCalls.ts';
import { rsaPublicKey } from './support/rsa.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
const MiB = 1024 * 1024;

beforeAll(async () => {
  server = await startServer();
  const email = { email: 'somebody@example.com', verification: { case: 'isVerified', value: true } } as const;
  await createHuman(server, { userId: 'somebody', email, metadata: [{ key: 'k', value: Buffer.from('v') }] });
  const idpId = await createProvider(server);
  await server.as().users.addIDPLink({ userId: 'somebody', idpLink: { idpId, userId: 'x', userName: 'x' } });
  const expirationDate = { seconds: 4_102_444_800n };
  const machine = await createMachine(server);
  await server.as().users.addKey({ userId: machine, publicKey: Buffer.from(rsaPublicKey()), expirationDate });
  await server.as().management.addOrgMember({ userId: 'somebody', roles: ['ORG_OWNER_VIEWER'] });
  await server.as().sessions.createSession({ checks: { user: { search: { case: 'userId', value: 'somebody' } } } });
});

describe('leaves no trace:', () => {
  let memory: Memory;

  beforeAll(async () => {
    memory = await remember(server.sql);
  });

  afterEach(async () => {
    expect(await memory.undo()).toEqual([]);
  });

  describe('a message', () => {
    const human = Buffer.from(
      toBinary(
        AddHumanUserRequestSchema,
        create(AddHumanUserRequestSchema, {
          profile: { givenName: 'Ada', familyName: 'Lovelace' },
          email: { email: 'ada@example.com', verification: { case: 'isVerified', value: true } },
        }),
      ),
    );

    test('cut off anywhere', async () => {
      const lengths = Array.from({ length: human.length }, (_, length) => length);
      const outcomes = await Promise.all(lengths.map((length) => post(server, 'AddHumanUser', human.subarray(0, length))));
      expect(new Set(outcomes)).toEqual(new Set([unreadable, invalid]));
    });

    test.each([
      ['that is noise', 'ffffffffffffffffffffff'],
      ['with another wire type', '0805'],
      ['with a field number of zero', '0001'],
      ['with an unfinished group', '0b'],
      ['that is not UTF-8', '0a02c328'],
      ['with an encoded surrogate', '0a03eda080'],
      ['with a length beyond its end', '0affffffff0f'],
    ])('%s', async (_, hex) => {
      expect(await post(server, 'GetUserByID', Buffer.from(hex, 'hex'))).toBe(unreadable);
    });

    test('with fields that nobody knows, which do not count', async () => {
      const userId = Buffer.from('\x0a\x08somebody');
      expect(await post(server, 'GetUserByID', Buffer.concat([userId, Buffer.from('fa3f03616263', 'hex')]))).toBe('200');
      expect(await post(server, 'GetUserByID', '{"userId": "somebody", "shoeSize": {"eu": [42]}}')).toBe('200');
    });

    test('larger than the limit', async () => {
      const tooLarge = '429 resource_exhausted MESSAGE_TOO_LARGE';
      expect(await post(server, 'ListUsers', Buffer.alloc(4 * MiB + 1, 10))).toBe(tooLarge);
      expect(await post(server, 'ListUsers', JSON.stringify({ x: 'y'.repeat(4 * MiB) }))).toBe(tooLarge);
      const value = new Uint8Array(5 * MiB);
      for (const protocol of ['grpc', 'grpc-web', 'connect', 'connect-json'] as const) {
        const { users } = server.as(server.token, { protocol });
        const refused = await failureOf(users.setUserMetadata({ userId: 'somebody', metadata: [{ key: 'k', value }] }));
        expect([protocol, refused?.code]).toEqual([protocol, Code.ResourceExhausted]);
      }
    });

    test('of 1 MiB that inflates to 1 GiB, in flat memory', async () => {
      const part = gzipSync(Buffer.alloc(16 * MiB));
      const bomb = Buffer.concat(Array.from({ length: 64 }, () => part));
      expect(bomb.length).toBeLessThan(1.1 * MiB);
      const start = process.memoryUsage().rss;
      let most = start;
      const sampler = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
      }, 1);
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => post(server, 'ListUsers', bomb, { 'content-encoding': 'gzip' })),
      );
      clearInterval(sampler);
      expect(new Set(outcomes)).toEqual(new Set(['429 resource_exhausted MESSAGE_TOO_LARGE']));
      expect(most - start).toBeLessThan(200 * MiB);
    });

    test('that does not inflate, or in an unknown way', async () => {
      expect(await post(server, 'ListUsers', Buffer.from('no gzip'), { 'content-encoding': 'gzip' })).toBe(unreadable);
      expect(await post(server, 'ListUsers', Buffer.from('?'), { 'content-encoding': 'zstd' })).toBe(
        '501 unimplemented REQUEST_UNSUPPORTED',
      );
    });
  });

  describe('JSON', () => {
    test.each([
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '5',
      '{"userId": 5}',
      '{"userId": {}}',
      '{"userId": ["a"]}',
      '{"userId": "a", "userId": "b"}',
    ])('like %s for a text', async (body) => {
      expect(await post(server, 'GetUserByID', body)).toBe(unreadable);
    });

    test.each([
      '{"query": {"limit": -1}}',
      '{"query": {"limit": 4294967296}}',
      '{"query": {"limit": 1.5}}',
      '{"query": {"limit": "x"}}',
      '{"query": {"offset": -1}}',
      '{"query": {"offset": "18446744073709551616"}}',
      '{"query": {"asc": "yes"}}',
      '{"queries": {}}',
      '{"queries": [null]}',
      '{"queries": [{"emailQuery": {"emailAddress": "x"}, "phoneQuery": {"number": "1"}}]}',
      '{"queries": [{"metadataValueFilter": {"value": "%"}}]}',
    ])('like %s for a list', async (body) => {
      expect(await post(server, 'ListUsers', body)).toBe(unreadable);
    });

    test.each([
      '{"sortingColumn": 99}',
      '{"queries": [{}]}',
      '{"queries": [{"emailQuery": {"emailAddress": "x", "method": 99}}]}',
    ])('like %s with what the definition does not know', async (body) => {
      expect(await post(server, 'ListUsers', body)).toBe(invalid);
    });
  });

  describe('nesting', () => {
    const type = '{"typeQuery": {"type": "TYPE_HUMAN"}}';
    const json = (depth: number) => `{"queries": [${'{"notQuery": {"query": '.repeat(depth)}${type}${'}}'.repeat(depth)}]}`;

    function binary(depth: number): Buffer {
      let query: Buffer = Buffer.from('42020801', 'hex');
      for (let level = 0; level < depth; level++) query = lengthDelimited(0x6a, lengthDelimited(0x0a, query));
      return lengthDelimited(0x1a, query);
    }

    test.each([
      [20, '200'],
      [21, '400 invalid_argument QUERY_TOO_DEEP'],
      [60, unreadable],
      [10_000, unreadable],
    ])('of %i queries', async (depth, outcome) => {
      expect(await post(server, 'ListUsers', json(depth))).toBe(outcome);
      expect(await post(server, 'ListUsers', binary(depth))).toBe(outcome);
    });

    test('of arrays and objects that nobody asked for', async () => {
      expect(await post(server, 'ListUsers', '['.repeat(100_000))).toBe(unreadable);
      expect(await post(server, 'ListUsers', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)).toMatch(
        /^200$|REQUEST_UNREADABLE$/,
      );
    });
  });

  test('a long list of ids or e-mails, which is answered', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `nobody${index}`);
    const { users } = server.as();
    const ids = await users.listUsers({
      queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [...many, 'somebody'] } } }],
    });
    expect(ids.result.map(({ userId }) => userId)).toEqual(['somebody']);
    const emails = await users.listUsers({ queries: [{ query: { case: 'inUserEmailsQuery', value: { userEmails: many } } }] });
    expect(emails.details?.totalResult).toBe(0n);
  });
});

describe('a page', () => {
  const lists = served.flatMap(([path, { input, output }]) => {
    const page = input.fields.find(({ message }) => message?.fields.some(({ name }) => name === 'limit'));
    const rows = output.fields.find(({ fieldKind }) => fieldKind === 'list');
    return page && rows ? [{ path, page: page.name, rows: rows.jsonName }] : [];
  });

  /** How many rows there are, and on this page. The user of our data, where a list is of one user's. */
  async function ask({ path, page, rows }: (typeof lists)[number], asked: { limit?: number; offset?: string }) {
    const response = await fetch(`${server.address}/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ userId: 'somebody', [page]: asked }),
    });
    expect(response.status).toBe(200);
    const { [rows]: found = [], details, pagination } = JSON.parse(await response.text());
    return { found: found.length, total: Number((details ?? pagination).totalResult ?? 0) };
  }

  test.each(lists)('of $path may be absent, empty, or as large as the limit', async (list) => {
    const { total } = await ask(list, {});
    expect(total).toBeGreaterThan(0);
    for (const limit of [0, total, 1000]) expect(await ask(list, { limit })).toEqual({ found: total, total });
  });

  test.each(lists)('of $path is refused above the limit', async ({ path, page }) => {
    for (const limit of [1001, 2 ** 32 - 1]) {
      const body = JSON.stringify({ userId: 'somebody', [page]: { limit } });
      expect(await post(server, `/${path}`, body)).toBe('400 invalid_argument LIMIT_TOO_LARGE');
    }
  });

  test.each(lists)('of $path is empty beyond the end', async (list) => {
    const { total } = await ask(list, {});
    for (const offset of [String(total), '4294967296', '9223372036854775808', '18446744073709551615']) {
      expect([offset, await ask(list, { offset })]).toEqual([offset, { found: 0, total }]);
    }
  });
});

/** Packs a submessage. */
function lengthDelimited(tag: number, content: Buffer): Buffer {
  const head = [tag];
  let rest = content.length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...head, rest]), content]);
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
}
