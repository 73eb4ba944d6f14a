// What no request may do, whatever is in it: end the process, count as a fault of the server, or leave a trace.
import { gzipSync } from 'node:zlib';
import { create, type DescMethodUnary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BadRequestSchema } from '../gen/google/rpc/error_details_pb.ts';
import { AddHumanUserRequestSchema } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { accessOf } from '../src/server/access.ts';
import { services } from '../src/server/routes.ts';
import { createHuman } from './support/actors.ts';
import { type Leaf, leavesOf } from './support/fields.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let transport: Transport;
const MiB = 1024 * 1024;

beforeAll(async () => {
  server = await startServer();
  transport = server.transport('connect');
  const email = { email: 'somebody@example.com', verification: { case: 'isVerified', value: true } } as const;
  await createHuman(server, { userId: 'somebody', email, metadata: [{ key: 'k', value: Buffer.from('v') }] });
  await server.as().management.addOrgMember({ userId: 'somebody', roles: ['ORG_OWNER_VIEWER'] });
});

/** A digest of every row there is. */
async function everything(): Promise<unknown[]> {
  const tables = await server.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by table_name`;
  return Promise.all(
    tables.map(async ({ name }) => [
      name,
      ...(await server.sql`select md5(string_agg(t::text, '' order by t::text)) from ${server.sql(name)} t`),
    ]),
  );
}

/** Posts a body as it is, to the UserService when no service is named, and tells the outcome as `status code reason`. */
async function post(method: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<string> {
  const type = typeof body === 'string' ? 'application/json' : 'application/proto';
  const response = await fetch(new URL(method, `${server.address}/zitadel.user.v2.UserService/`), {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': type, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
  const text = await response.text();
  if (response.status === 200) return '200';
  expect(text).not.toMatch(/node_modules|\.[jt]s:|select |insert |\/work\//);
  const { code, details }: { code: string; details: { type: string; debug: { reason: string } }[] } = JSON.parse(text);
  const reason = details.find(({ type }) => type === 'google.rpc.ErrorInfo')?.debug.reason;
  return `${response.status} ${code} ${reason}`;
}

const unreadable = '400 invalid_argument REQUEST_UNREADABLE';
const invalid = '400 invalid_argument INVALID_REQUEST';

const served = services
  .flatMap(({ methods }) => methods)
  .filter((method): method is DescMethodUnary => method.methodKind === 'unary')
  .filter(accessOf)
  .map((method) => [`${method.parent.typeName}/${method.name}`, method] as const);

test.each(served)('every text and bytes in %s may be as long as its limit', async (_, method) => {
  await Promise.all(leavesOf(method.input).map((leaf) => checkWithin(method, leaf)));
});

describe('leaves no trace:', () => {
  let before: unknown[];

  beforeEach(async () => {
    before = await everything();
  });

  afterEach(async () => {
    expect(await everything()).toEqual(before);
  });

  describe('a text or bytes', () => {
    test.each(served)('in %s, beyond its limits', async (_, method) => {
      await Promise.all(leavesOf(method.input).map((leaf) => checkBeyond(method, leaf)));
    });

    test.each(served)('in %s that is none', async (path, method) => {
      const texts = leavesOf(method.input).filter(({ bytes }) => !bytes);
      await Promise.all(texts.map((leaf) => checkBrokenText(path, method, leaf)));
    });
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
      const outcomes = await Promise.all(lengths.map((length) => post('AddHumanUser', human.subarray(0, length))));
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
      expect(await post('GetUserByID', Buffer.from(hex, 'hex'))).toBe(unreadable);
    });

    test('with fields that nobody knows, which do not count', async () => {
      const userId = Buffer.from('\x0a\x08somebody');
      expect(await post('GetUserByID', Buffer.concat([userId, Buffer.from('fa3f03616263', 'hex')]))).toBe('200');
      expect(await post('GetUserByID', '{"userId": "somebody", "shoeSize": {"eu": [42]}}')).toBe('200');
    });

    test('larger than the limit', async () => {
      const tooLarge = '429 resource_exhausted MESSAGE_TOO_LARGE';
      expect(await post('ListUsers', Buffer.alloc(4 * MiB + 1, 10))).toBe(tooLarge);
      expect(await post('ListUsers', JSON.stringify({ x: 'y'.repeat(4 * MiB) }))).toBe(tooLarge);
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
        Array.from({ length: 8 }, () => post('ListUsers', bomb, { 'content-encoding': 'gzip' })),
      );
      clearInterval(sampler);
      expect(new Set(outcomes)).toEqual(new Set(['429 resource_exhausted MESSAGE_TOO_LARGE']));
      expect(most - start).toBeLessThan(200 * MiB);
    });

    test('that does not inflate, or in an unknown way', async () => {
      expect(await post('ListUsers', Buffer.from('no gzip'), { 'content-encoding': 'gzip' })).toBe(unreadable);
      expect(await post('ListUsers', Buffer.from('?'), { 'content-encoding': 'zstd' })).toBe(
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
      expect(await post('GetUserByID', body)).toBe(unreadable);
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
      expect(await post('ListUsers', body)).toBe(unreadable);
    });

    test.each([
      '{"sortingColumn": 99}',
      '{"queries": [{}]}',
      '{"queries": [{"emailQuery": {"emailAddress": "x", "method": 99}}]}',
    ])('like %s with what the definition does not know', async (body) => {
      expect(await post('ListUsers', body)).toBe(invalid);
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
      expect(await post('ListUsers', json(depth))).toBe(outcome);
      expect(await post('ListUsers', binary(depth))).toBe(outcome);
    });

    test('of arrays and objects that nobody asked for', async () => {
      expect(await post('ListUsers', '['.repeat(100_000))).toBe(unreadable);
      expect(await post('ListUsers', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)).toMatch(/^200$|REQUEST_UNREADABLE$/);
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
      expect(await post(`/${path}`, body)).toBe('400 invalid_argument LIMIT_TOO_LARGE');
    }
  });

  test.each(lists)('of $path is empty beyond the end', async (list) => {
    const { total } = await ask(list, {});
    for (const offset of [String(total), '4294967296', '9223372036854775808', '18446744073709551615']) {
      expect([offset, await ask(list, { offset })]).toEqual([offset, { found: 0, total }]);
    }
  });
});

describe('texts as long as they may be', () => {
  // What folding makes much longer: one character becomes up to eighteen, and no two of these alike.
  const growing = Array.from({ length: 200 }, (_, index) =>
    index % 3 === 0 ? '\ufdfa' : String.fromCodePoint(0x3300 + ((index * 37) % 256)),
  ).join('');

  test.each([
    ['emoji', '🦉'.repeat(200)],
    ['characters that grow when they are compared', growing],
  ])('of %s are kept and found', async (_, text) => {
    const { users } = server.as();
    const userId = await createHuman(server, {
      username: text,
      profile: { givenName: text, familyName: text, nickName: text, displayName: text },
      metadata: [{ key: text, value: new Uint8Array(500_000).fill(7) }],
    });
    const { user } = await users.getUserByID({ userId });
    const profile = { givenName: text, familyName: text, nickName: text, displayName: text };
    expect(user).toMatchObject({ username: text, type: { case: 'human', value: { profile } } });
    const byName = { case: 'userNameQuery', value: { userName: text } } as const;
    const byKey = { case: 'metadataKeyFilter', value: { key: text } } as const;
    const { result } = await users.listUsers({ queries: [{ query: byName }, { query: byKey }] });
    expect(result.map((found) => found.userId)).toEqual([userId]);
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

/** What is wrong with this part of a request in which nothing else is set. Never a fault of the server. */
async function complaints(method: DescMethodUnary, leaf: Leaf, value: string | Uint8Array): Promise<string[]> {
  const refused = await failureOf(transport.unary(method, undefined, undefined, undefined, leaf.requestWith(value)));
  if (!refused) return [];
  expect([leaf.field, refused.code]).not.toEqual([leaf.field, expect.toBeOneOf([Code.Internal, Code.Unknown, Code.Unavailable])]);
  const [request] = refused.findDetails(BadRequestSchema);
  return request?.fieldViolations.filter(({ field }) => field === leaf.field).map(({ description }) => description) ?? [];
}

async function checkWithin(method: DescMethodUnary, leaf: Leaf): Promise<void> {
  const { least, most, fillings } = limitsOf(leaf);
  for (const filling of fillings) {
    for (const length of [least, most - 1, most]) {
      if (length > 0)
        expect([leaf.field, length, await complaints(method, leaf, filling(length))]).toEqual([leaf.field, length, []]);
    }
  }
}

async function checkBeyond(method: DescMethodUnary, leaf: Leaf): Promise<void> {
  const { least, most, fillings } = limitsOf(leaf);
  const tooLong = [leaf.field, [expect.stringContaining(`${most}`)]];
  for (const filling of fillings) {
    if (most > 0) expect([leaf.field, await complaints(method, leaf, filling(most + 1))]).toEqual(tooLong);
    if (least > 0) expect([leaf.field, await complaints(method, leaf, filling(least - 1))]).not.toEqual([leaf.field, []]);
  }
}

/** Limits in characters or bytes, 0 for none, and what makes a value of a given length. */
function limitsOf({ bytes, rules }: Leaf): {
  least: number;
  most: number;
  fillings: ((length: number) => string | Uint8Array)[];
} {
  const stated = rules?.type.case === 'string' || rules?.type.case === 'bytes' ? rules.type.value : undefined;
  const limits = { least: Number(stated?.minLen ?? 0n), most: Number(stated?.maxLen ?? 0n) };
  if (bytes) return { ...limits, fillings: [(length) => new Uint8Array(length)] };
  // The shortest address has three characters, and the definition's least is one.
  if (rules?.type.case === 'string' && rules.type.value.wellKnown.case === 'email')
    return { most: limits.most, least: 3, fillings: [addressOf] };
  return { ...limits, fillings: [(length) => 'a'.repeat(length), (length) => '🦉'.repeat(length)] };
}

/** An address of this length, of labels that are no longer than DNS takes; of fewer than three characters it is none. */
function addressOf(length: number): string {
  const local = 'a'.repeat(Math.max(0, Math.min(64, length - 2)));
  return `${local}@${`${'b'.repeat(63)}.`.repeat(4).slice(0, Math.max(0, length - local.length - 2))}c`;
}

/** A text with a NUL, and one with half a surrogate pair, which only JSON can express. */
async function checkBrokenText(path: string, method: DescMethodUnary, leaf: Leaf): Promise<void> {
  const json = toJsonString(method.input, leaf.requestWith('PLACE'));
  const half = await post(`/${path}`, json.replace('PLACE', 'a\\ud83e'));
  const zero = await post(`/${path}`, json.replace('PLACE', 'a\\u0000b'));
  // Of an organization that cannot exist a caller learns what he would of any other that does not.
  const expected = leaf.field.startsWith('organization.') ? '403 permission_denied ORGANIZATION_DENIED' : invalid;
  expect([leaf.field, half, zero]).toEqual([leaf.field, unreadable, expected]);
  if (expected === invalid) expect(await complaints(method, leaf, 'a\0b')).toContain('must not contain a NUL character');
}
