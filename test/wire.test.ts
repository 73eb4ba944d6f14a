import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lockFile, wireFacts } from './support/wire.ts';

const locked = readFileSync(lockFile, 'utf8').trimEnd().split('\n');

test('nothing that a client relies on has changed or gone', () => {
  const now = new Set(wireFacts());
  expect(locked.filter((fact) => !now.has(fact))).toEqual([]);
});

test('what was added is locked as well: node test/support/wire.ts', () => {
  const known = new Set(locked);
  expect(wireFacts().filter((fact) => !known.has(fact))).toEqual([]);
});

test('the whole wire is there', () => {
  const rpcs = (service: string) => locked.filter((fact) => fact.startsWith(`rpc ${service}/`)).length;
  expect(rpcs('zitadel.user.v2.UserService')).toBe(60);
  expect(rpcs('zitadel.user.v2beta.UserService')).toBe(34);
  expect(rpcs('zitadel.session.v2.SessionService')).toBe(5);
  expect(rpcs('zitadel.management.v1.ManagementService')).toBe(47);
  expect(rpcs('zitadel.admin.v1.AdminService')).toBe(19);
  expect(rpcs('zitadel.org.v2.OrganizationService')).toBe(2);
});
