// What comes out goes in again: the same users on another instance.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { createOrganization } from '../support/actors.ts';
import { createProvider } from '../support/providers.ts';
import { roster, rosterHere } from '../support/roster.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { allUsers, folder, importRows, linesOf, person, type Row } from './files.ts';

let one: TestServer;
let other: TestServer;
let organizationId: string;
let otherOrganizationId: string;

const everyField: Row = {
  ...{ type: 'human', userId: 'ada', username: 'Ada.L', state: 'locked', createdAt: '2020-02-03T04:05:06.789Z' },
  ...{ givenName: 'Zoë', familyName: 'Müller', nickName: 'Al', displayName: 'Countess', preferredLanguage: 'en-GB' },
  ...{ gender: 'diverse', email: 'ada@example.net', emailVerified: true, phone: '+41791234567', phoneVerified: true },
  passwordHash: '$2b$10$abcdefghijklmnopqrstuuPiS4iUBT88yFvUSk/tP0Mi6eDKfUO/S',
  ...{ passwordChangeRequired: true, passwordChangedAt: '2021-01-01T00:00:00.000Z', totpSecret: 'JBSWY3DPEHPK3PXP' },
  idpLinks: [
    { idpId: 'google', userId: 'Ada-1', userName: 'ada@gmail.example' },
    { idpId: 'google', userId: 'ada-2', userName: 'ada' },
  ],
  metadata: { text: 'Ü\0"', bytes: { base64: '/wD+' }, __proto__x: 'x', long: 'x'.repeat(100_000) },
};

const machine: Row = { type: 'machine', userId: 'm', username: 'sync', name: 'Sync', description: 'd', accessTokenType: 'jwt' };

beforeAll(async () => {
  [one, other] = await Promise.all([startServer(), startServer()]);
  organizationId = await createOrganization(one, { name: 'Here' });
  otherOrganizationId = await createOrganization(other, { name: 'There' });
  await createProvider(one, { id: 'google' });
  await createProvider(other, { id: 'google' });
  const many = Array.from({ length: 600 }, (_, at) => person({ password: at === 0 ? 'Correct-Horse-7' : undefined }));
  const { refusals } = await importRows(one, [everyField, machine, ...many], { organizationId });
  expect(refusals).toEqual([]);
});

test('an export with secrets, imported into another instance, makes the same users', async () => {
  const out = join(await folder(), 'out.ndjson');
  const exported = await rosterHere(one, ['user', 'export', '--organization', organizationId, '--with-secrets', '--out', out]);
  expect(exported).toEqual({ code: 0, said: expect.stringMatching(/^WITH SECRETS: (.|\n)*Users exported to .*: 602 /) });
  expect((await stat(out)).mode & 0o777).toBe(0o600);
  const lines = await linesOf(out);
  expect(lines.find(({ userId }) => userId === 'ada')).toEqual(everyField);
  const imported = await rosterHere(other, ['user', 'import', out, '--organization', otherOrganizationId]);
  expect(imported).toEqual({ code: 0, said: expect.stringContaining('602 imported, 0 refused') });
  expect(await allUsers(other, otherOrganizationId)).toEqual(await allUsers(one, organizationId));
});

test('without secrets there is none in it', async () => {
  const out = join(await folder(), 'out.ndjson');
  expect((await rosterHere(one, ['user', 'export', '--out', out])).code).toBe(0);
  const text = await readFile(out, 'utf8');
  for (const secret of ['passwordHash', 'totpSecret', 'metadata', '$2b$', 'JBSWY3DP']) expect(text).not.toContain(secret);
  expect((await linesOf(out)).find(({ userId }) => userId === 'ada')).toMatchObject({ organizationId, email: 'ada@example.net' });
});

test('one person, with what is held of him, and nobody without an id that somebody has', async () => {
  const { code, said } = await roster(one, 'user', 'export', '--user', 'ada');
  const { passwordHash, passwordChangeRequired, passwordChangedAt, totpSecret, ...held } = everyField;
  expect(code).toBe(0);
  expect(JSON.parse(said.split('\n')[0] ?? '')).toEqual({ ...held, organizationId });
  expect(await rosterHere(one, ['user', 'export', '--user', 'nobody'])).toEqual({
    code: 1,
    said: expect.stringContaining('USER_NOT_FOUND'),
  });
  expect(await rosterHere(one, ['user', 'export', '--organization', 'none'])).toEqual({
    code: 1,
    said: expect.stringContaining('ORGANIZATION_NOT_FOUND'),
  });
});
