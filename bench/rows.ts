// The rows of users, made by Postgres itself: a million in half a minute, where sending them took several.
import type { Fragment, TransactionSql } from 'postgres';
import { textKey } from '../src/kernel/names.ts';
import * as people from './people.ts';

/** Users from `from` to below `to`, of `total` in all. */
export interface Block {
  from: number;
  to: number;
  total: number;
}

const { salts } = people;

/** What the statements need for as long as the transaction's connection lives. Organizations in descending order of size. */
export async function prepareRows(tx: TransactionSql, organizations: readonly string[]): Promise<void> {
  await tx.unsafe(people.pickInPostgres);
  await tx`create temp table places on commit drop as
    select id, place - 1 as place from unnest(${tx.array([...organizations])}::text[]) with ordinality as given (id, place)`;
}

/** The users with their history, whose first event is by `callerId`. */
export async function insertUsers(tx: TransactionSql, { from, to, total }: Block, callerId: string): Promise<void> {
  const drawn = (list: readonly string[], salt: number): Fragment =>
    tx`(${tx.array([...list])}::text[])[1 + pg_temp.pick(n, ${salt}, ${list.length})]`;
  const pick = (salt: number, bound: number): Fragment => tx`pg_temp.pick(n, ${salt}, ${bound})`;
  const { givenNames, familyNames } = people;
  await tx`
    with drafts as (
      select n, lpad(n::text, 8, '0') as digits, ${people.createdAt(0, total)}::timestamptz + n * ${people.pace(total)} * interval '1 ms' as at,
        (${people.userId(0, total)}::bigint + n * ${people.pace(total)} * 1000000)::text as id,
        ${pick(salts.machine, 20)} = 0 as machine, ${pick(salts.state, 100)} as percent, ${pick(salts.organization, 100)} as share,
        2 + ${pick(salts.small, people.smallOrganizations(total))} as small,
        ${drawn(givenNames, salts.givenName)} as given, ${drawn(givenNames.map(textKey), salts.givenName)} as given_key,
        ${drawn(givenNames.map(people.plain), salts.givenName)} as given_plain,
        ${drawn(familyNames, salts.familyName)} as family, ${drawn(familyNames.map(textKey), salts.familyName)} as family_key,
        ${drawn(familyNames.map(people.plain), salts.familyName)} as family_plain,
        case when ${pick(salts.nickNamed, 5)} = 0 then ${drawn(people.nickNames, salts.nickName)} else '' end as nick,
        ${drawn(people.jobs, salts.job)} as job, ${drawn(people.mailDomains, salts.mailDomain)} as domain,
        ${drawn(people.languages, salts.language)} as language, ${drawn(people.genders, salts.gender)} as gender,
        ${pick(salts.phone, 3)} = 0 as phoned, ${pick(salts.verified, 10)} > 0 as verified
      from generate_series(${from}::bigint, ${to - 1}::bigint) n
    ), made as (
      insert into users (id, organization_id, type, state, sequence, created_at, changed_at, username, username_key,
        given_name, given_name_key, family_name, family_name_key, nick_name, nick_name_key, display_name, display_name_key,
        preferred_language, gender, email, email_key, email_verified, phone, phone_verified, name, description)
      select drafts.id, places.id, 'human'::user_type, case when percent < 96 then 'active' when percent < 98 then 'inactive'
          when percent < 99 then 'locked' else 'initial' end::user_state, 1, at, at,
        given_plain || '.' || family_plain || '.' || n, given_plain || '.' || family_plain || '.' || n,
        given, given_key, family, family_key, nick, lower(nick), given || ' ' || family, given_key || ' ' || family_key,
        language, gender::gender, given_plain || '.' || family_plain || n || '@' || domain,
        given_plain || '.' || family_plain || n || '@' || domain, verified,
        case when phoned then '+4179' || digits else '' end, phoned, '', ''
      from drafts join places on place = case when share < ${people.shares.large} then 0
        when share < ${people.shares.largeAndMiddle} then 1 else small end
      where not machine
      union all
      select drafts.id, places.id, 'machine', 'active'::user_state, 1, at, at, job || '-' || n, job || '-' || n, '', '', '', '', '', '', '', '',
        '', 'unspecified', '', '', false, '', false, job || ' ' || n, 'Made by the benchmark'
      from drafts join places on place = case when share < ${people.shares.large} then 0
        when share < ${people.shares.largeAndMiddle} then 1 else small end
      where machine
      returning id, organization_id, created_at
    )
    insert into user_events (user_id, sequence, organization_id, type, payload, caller_id, created_at)
    select id, 1, organization_id, 'user.created', '{}', ${callerId}, created_at from made`;
}

/** None for most; an employee number, or that and a department. */
export async function insertMetadata(tx: TransactionSql, { from, to, total }: Block): Promise<void> {
  const departments = ['sales', 'engineering', 'finance', 'support', 'legal', 'research'];
  await tx`
    with drafts as (
      select (${people.userId(0, total)}::bigint + n * ${people.pace(total)} * 1000000)::text as id, n,
        pg_temp.pick(n, ${salts.metadata}, 6) - 3 as entries,
        (${tx.array(departments)}::text[])[1 + pg_temp.pick(n, ${salts.department}, ${departments.length})] as department
      from generate_series(${from}::bigint, ${to - 1}::bigint) n
    )
    insert into user_metadata (user_id, key, key_key, value, created_at, changed_at)
    select id, key, key, convert_to(value, 'UTF8'), now(), now()
    from drafts, lateral (values (1, 'employee-number', 'E-' || n), (2, 'department', department)) entry (at_least, key, value)
    where entries >= at_least`;
}
