// What a row's values are put into, as Drizzle's own driver does it: an object is null only where a left join has found nothing.
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { rowMapper } from '../../../src/kernel/db/rows.ts';
import { organizations, users } from '../../../src/kernel/db/schema.ts';

const owner = [
  { path: ['id'], field: users.id },
  { path: ['owner', 'id'], field: organizations.id },
  { path: ['owner', 'name'], field: organizations.name },
];

test.each([
  ['a left join that found nothing', owner, { organizations: false }, ['1', null, null], { id: '1', owner: null }],
  ['one that found a row', owner, { organizations: false }, ['1', '2', null], { id: '1', owner: { id: '2', name: null } }],
  ['a table that is there', owner, { organizations: true }, ['1', null, null], { id: '1', owner: { id: null, name: null } }],
  [
    'columns of two tables in one object',
    [...owner.slice(0, 2), { path: ['owner', 'user'], field: users.name }],
    { organizations: false, users: false },
    ['1', null, null],
    { id: '1', owner: { id: null, user: null } },
  ],
  [
    'an expression beside columns, which is no sign of a row',
    [...owner.slice(0, 2), { path: ['owner', 'is'], field: sql<boolean>`true`.as('is') }],
    { organizations: false },
    ['1', null, true],
    { id: '1', owner: null },
  ],
])('%s', (_, fields, joins, values, row) => {
  expect(rowMapper(fields, joins)(values)).toEqual(row);
});
