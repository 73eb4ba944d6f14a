// Every text and bytes that a served request can hold: at its limits, beyond them, and when it is no text at all. The limits
// come from the definitions, so that a new field is covered when it is served.
import { type DescMethodUnary, toJsonString } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Ignore } from '../gen/buf/validate/validate_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { createHuman } from './support/actors.ts';
import { type Leaf, leavesOf } from './support/fields.ts';
import { type Memory, remember } from './support/isolation/memory.ts';
import { invalid, post, served, unreadable } from './support/rawCalls.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let transport: Transport;

beforeAll(async () => {
  server = await startServer();
  transport = server.transport('connect');
});

test.each(served)('every text and bytes in %s may be as long as its limit', async (_, method) => {
  await Promise.all(leavesOf(method.input).map((leaf) => checkWithin(method, leaf)));
});

describe('what is refused leaves no trace: a text or bytes', () => {
  let memory: Memory;

  beforeAll(async () => {
    memory = await remember(server.sql);
  });

  afterEach(async () => {
    expect(await memory.undo()).toEqual([]);
  });

  test.each(served)('in %s, beyond its limits', async (_, method) => {
    await Promise.all(leavesOf(method.input).map((leaf) => checkBeyond(method, leaf)));
  });

  test.each(served)('in %s that is none', async (path, method) => {
    const texts = leavesOf(method.input).filter(({ bytes }) => !bytes);
    await Promise.all(texts.map((leaf) => checkBrokenText(path, method, leaf)));
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

/** What is wrong with this part of a request in which nothing else is set. Never a fault of the server. */
async function complaints(method: DescMethodUnary, leaf: Leaf, value: string | Uint8Array): Promise<string[]> {
  const refused = await transport.unary(method, undefined, undefined, undefined, leaf.requestWith(value)).then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  if (!refused) return [];
  expect([leaf.field, refused.code]).not.toEqual([leaf.field, expect.toBeOneOf([Code.Internal, Code.Unknown, Code.Unavailable])]);
  // What is no link is refused as such, however long it is.
  if (refused.findDetails(ErrorInfoSchema).some(({ reason }) => reason === 'URL_TEMPLATE_INVALID')) return [];
  const [request] = refused.findDetails(BadRequestSchema);
  return request?.fieldViolations.filter(({ field }) => isOf(leaf, field)).map(({ description }) => description) ?? [];
}

/** A key is a part of its own name. */
const isOf = (leaf: Leaf, field: string): boolean => (leaf.isKey ? field.startsWith(`${leaf.field}[`) : field === leaf.field);

async function checkWithin(method: DescMethodUnary, leaf: Leaf): Promise<void> {
  const { least, most, plain, widest } = limitsOf(leaf);
  for (const [length, filling] of [
    [least, plain],
    [most, widest],
  ] as const) {
    if (length > 0)
      expect([leaf.field, length, await complaints(method, leaf, filling(length))]).toEqual([leaf.field, length, []]);
  }
}

async function checkBeyond(method: DescMethodUnary, leaf: Leaf): Promise<void> {
  const { least, most, plain } = limitsOf(leaf);
  const tooLong = [leaf.field, [expect.stringContaining(`${most}`)]];
  if (most > 0) expect([leaf.field, await complaints(method, leaf, plain(most + 1))]).toEqual(tooLong);
  if (least > 0) expect([leaf.field, await complaints(method, leaf, plain(least - 1))]).not.toEqual([leaf.field, []]);
}

type Filling = (length: number) => string | Uint8Array;

interface Limits {
  /** In characters or bytes, 0 for none. */
  least: number;
  most: number;
  /** The cheapest characters: a limit in anything but characters lets too many through. */
  plain: Filling;
  /** The dearest: a limit in anything but characters refuses them. */
  widest: Filling;
}

function limitsOf({ bytes, rules }: Leaf): Limits {
  const stated = rules?.type.case === 'string' || rules?.type.case === 'bytes' ? rules.type.value : undefined;
  const mayBeEmpty = rules?.ignore === Ignore.IF_ZERO_VALUE;
  const limits = { least: mayBeEmpty ? 0 : Number(stated?.minLen ?? 0n), most: Number(stated?.maxLen ?? 0n) };
  const only = (filling: Filling) => ({ plain: filling, widest: filling });
  if (bytes) return { ...limits, ...only((length) => new Uint8Array(length)) };
  // The shortest address has three characters, and the definition's least is one.
  if (rules?.type.case === 'string' && rules.type.value.wellKnown.case === 'email')
    return { most: limits.most, least: 3, ...only(addressOf) };
  const prefix = rules?.type.case === 'string' ? rules.type.value.prefix : '';
  if (prefix !== '') return { ...limits, ...only((length) => prefix.padEnd(length, '1').slice(0, length)) };
  const plain = (length: number) => 'a'.repeat(length);
  // Where a URI stands, nothing but ASCII may.
  if (rules?.type.case === 'string' && rules.type.value.wellKnown.case === 'uriRef') return { ...limits, ...only(plain) };
  return { ...limits, plain, widest: (length) => '🦉'.repeat(length) };
}

/** An address of this length, of labels that are no longer than DNS takes; of fewer than three characters it is none. */
function addressOf(length: number): string {
  const local = 'a'.repeat(Math.max(0, Math.min(64, length - 2)));
  return `${local}@${`${'b'.repeat(63)}.`.repeat(4).slice(0, Math.max(0, length - local.length - 2))}c`;
}

/** A text with a NUL, and one with half a surrogate pair, which only JSON can express. */
async function checkBrokenText(path: string, method: DescMethodUnary, leaf: Leaf): Promise<void> {
  const json = toJsonString(method.input, leaf.requestWith('PLACE'));
  const half = await post(server, `/${path}`, json.replace('PLACE', 'a\\ud83e'));
  const zero = await post(server, `/${path}`, json.replace('PLACE', 'a\\u0000b'));
  // Of an organization that cannot exist a caller learns what he would of any other that does not.
  const expected = leaf.field.startsWith('organization.') ? '403 permission_denied ORGANIZATION_DENIED' : invalid;
  expect([leaf.field, half, zero]).toEqual([leaf.field, unreadable, expected]);
  if (expected === invalid) expect(await complaints(method, leaf, 'a\0b')).toContain('must not contain a NUL character');
}
