// Lines that cannot become users: each is told with its place, and stops no other.
import { beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { importRows, person, type Row } from './files.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const line = (row: Row) => Buffer.from(`${JSON.stringify(row)}\n`);
const text = (content: string) => Buffer.from(content);
const notUtf8 = Buffer.concat([text('{"givenName":"Zo'), Buffer.of(0xeb), text('"}\n')]);

test.each<[name: string, bad: Buffer, reason: string, field?: string]>([
  ['broken UTF-8', notUtf8, 'LINE_NOT_UTF8'],
  ['no JSON', text('{"givenName": "Ada",}\n'), 'LINE_NOT_JSON'],
  ['a list', text('["Ada"]\n'), 'LINE_NOT_OBJECT'],
  ['a text', text('"Ada"\n'), 'LINE_NOT_OBJECT'],
  ['null', text('null\n'), 'LINE_NOT_OBJECT'],
  ['an empty line', text('\n'), 'LINE_EMPTY'],
  ['blanks', text('  \t\n'), 'LINE_EMPTY'],
  ['CR LF', Buffer.concat([line(person()).subarray(0, -1), text('\r\n')]), 'LINE_ENDS_IN_CR'],
  ['more than 1 MiB', line(person({ nickName: 'x'.repeat(1_048_576) })), 'LINE_TOO_LONG'],
  ['an unknown field', line(person({ givenNmae: 'Ada' })), 'FIELD_UNKNOWN', 'givenNmae'],
  ['a field of machines', line(person({ accessTokenType: 'jwt' })), 'FIELD_UNKNOWN', 'accessTokenType'],
  ['a field of humans', line({ type: 'machine', name: 'Sync', email: 'a@example.net' }), 'FIELD_UNKNOWN', 'email'],
  ['a missing name', line(person({ familyName: undefined })), 'FIELD_MISSING', 'familyName'],
  ['a missing address', line(person({ email: null })), 'FIELD_MISSING', 'email'],
  ['a machine without name', line({ type: 'machine' }), 'FIELD_MISSING', 'name'],
  ['an unknown type', line(person({ type: 'robot' })), 'FIELD_WRONG', 'type'],
  ['a number for a text', line(person({ givenName: 7 })), 'FIELD_WRONG', 'givenName'],
  ['a text for a flag', line(person({ emailVerified: 'yes' })), 'FIELD_WRONG', 'emailVerified'],
  ['an unknown state', line(person({ state: 'initial' })), 'FIELD_WRONG', 'state'],
  ['a day for a time', line(person({ createdAt: '2020-01-01' })), 'FIELD_WRONG', 'createdAt'],
  ['a time that there is not', line(person({ createdAt: '2020-13-01T00:00:00Z' })), 'FIELD_WRONG', 'createdAt'],
  ['a time to come', line(person({ createdAt: '2027-01-01T00:00:00Z' })), 'TIME_AHEAD', 'createdAt'],
  ['metadata that is no object', line(person({ metadata: [] })), 'FIELD_WRONG', 'metadata'],
  ['a number in metadata', line(person({ metadata: { key: 7 } })), 'FIELD_WRONG', 'metadata.key'],
  ['base64 that is none', line(person({ metadata: { key: { base64: '?' } } })), 'FIELD_WRONG', 'metadata.key'],
  ['metadata too long', line(person({ metadata: { key: 'x'.repeat(500_001) } })), 'INVALID_REQUEST', 'metadata.key'],
  ['a password and its hash', line(person({ password: 'a', passwordHash: 'b' })), 'PASSWORD_TWICE', 'passwordHash'],
  ['a change of no password', line(person({ passwordChangeRequired: true })), 'FIELD_MISSING', 'passwordHash'],
  [
    'a link that lacks a part',
    line(person({ idpLinks: [{ idpId: '1', userId: '2' }] })),
    'FIELD_MISSING',
    'idpLinks[0].userName',
  ],
  ['an unknown hash', line(person({ passwordHash: '$9$x' })), 'PASSWORD_HASH_UNKNOWN', 'passwordHash'],
  ['a bad phone number', line(person({ phone: '12' })), 'PHONE_INVALID', 'phone'],
  ['a bad secret', line(person({ totpSecret: '1' })), 'TOTP_SECRET_INVALID', 'totpSecret'],
  ['half a character', line(person({ nickName: 'a\ud800b' })), 'INVALID_REQUEST', 'nickName'],
  ['a blank name', line(person({ givenName: ' ' })), 'NAME_BLANK', 'givenName'],
])('%s', async (_, bad, reason, field) => {
  const before = person();
  const after = person();
  const { progress, refusals, imported } = await importRows(server, Buffer.concat([line(before), bad, line(after)]));
  expect(refusals).toEqual([expect.objectContaining({ line: 2, reason, field })]);
  expect(imported.map(({ line, userId }) => [line, userId])).toEqual([
    [1, before.userId],
    [3, after.userId],
  ]);
  expect(progress).toMatchObject({ lines: 3, imported: 2, refused: 1 });
});

test('a byte order mark', async () => {
  const { refusals, imported } = await importRows(
    server,
    Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), line(person()), line(person())]),
  );
  expect(refusals).toEqual([expect.objectContaining({ line: 1, reason: 'LINE_BYTE_ORDER_MARK' })]);
  expect(imported.map(({ line }) => line)).toEqual([2]);
});

test('a last line that was cut off, in the middle of a character too; one that lacks only its end is taken', async () => {
  const cut = [line(person({ givenName: 'Zoë' })).subarray(0, 40), notUtf8.subarray(0, -3)];
  for (const last of cut) {
    const { refusals, imported } = await importRows(server, Buffer.concat([line(person()), last]));
    expect(refusals).toEqual([expect.objectContaining({ line: 2, reason: 'LINE_CUT_OFF' })]);
    expect(imported).toHaveLength(1);
  }
  const { imported } = await importRows(server, line(person()).subarray(0, -1));
  expect(imported).toHaveLength(1);
});

test('what is told holds nothing of a line that may hold a password', async () => {
  const { refusals } = await importRows(server, text('{"password": "Secret-123" oops}\n'));
  expect(JSON.stringify(refusals)).not.toContain('Secret');
});

test('an empty file', async () => {
  expect((await importRows(server, Buffer.alloc(0))).progress).toMatchObject({ lines: 0, imported: 0, refused: 0 });
});
