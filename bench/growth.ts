// What grows with the number of users: every lookup and first page, asked in two databases of different size in turns; and
// a page of a hundred beside the least that it can cost.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { TextQueryMethod } from '../gen/zitadel/object/v2/object_pb.ts';
import { type SearchQuerySchema, Type, UserFieldName } from '../gen/zitadel/user/v2/query_pb.ts';
import { UserState } from '../gen/zitadel/user/v2/user_pb.ts';
import { open } from './calls.ts';
import { type Case, casesFor, list } from './cases.ts';
import { databaseWork, meanCpu } from './floors.ts';
import { perRequest, slice, warmUp } from './measure.ts';
import * as people from './people.ts';
import { type Cpu, startService } from './service.ts';

type Query = NonNullable<MessageInitShape<typeof SearchQuerySchema>['query']>;

/** Lookups, first pages, and pages far behind. `organizationId`: of the database's small ones. */
export function growingCases(users: number, organizationId: string): Case[] {
  const get = casesFor(users, organizationId, '').filter(({ key }) => key === 'get');
  const middle = { offset: BigInt(users / 2 - 100) };
  const behind = { offset: BigInt(users * 0.9) };
  return [
    ...get,
    ...Object.entries(sortings).map(([name, sortingColumn]) => listing(`all, by ${name}`, () => ({ sortingColumn }))),
    ...Object.entries(lookups(users, organizationId)).map(([name, query]) => searching(name, (n) => [{ query: query(n) }])),
    ...Object.entries(methods).map(([name, method]) => searching(`username ${name}`, (n) => [{ query: named(n, method) }])),
    searching('e-mail ends with, of the organization', (n) => [
      within(organizationId),
      { query: addressed(n, TextQueryMethod.ENDS_WITH_IGNORE_CASE) },
    ]),
    searching('either of username, e-mail, phone', (n) => [
      { query: { case: 'orQuery', value: { queries: [{ query: named(n) }, { query: addressed(n) }, { query: phoned(n) }] } } },
    ]),
    searching('all but people', () => [
      { query: { case: 'notQuery', value: { query: { query: { case: 'typeQuery', value: { type: Type.HUMAN } } } } } },
    ]),
    listing('all by creation, from the middle', () => ({ sortingColumn: UserFieldName.CREATION_DATE, query: middle })),
    listing('all by creation, from 9 of 10', () => ({ sortingColumn: UserFieldName.CREATION_DATE, query: behind })),
  ];
}

const listing = (name: string, request: Parameters<typeof list>[2]) =>
  list(name, name, request, ({ details }) => details !== undefined);
const searching = (name: string, queriesOf: (n: number) => MessageInitShape<typeof SearchQuerySchema>[]) =>
  listing(name, (n) => ({ queries: queriesOf(n) }));

const sortings = {
  id: UserFieldName.UNSPECIFIED,
  username: UserFieldName.USER_NAME,
  'first name': UserFieldName.FIRST_NAME,
  'last name': UserFieldName.LAST_NAME,
  'nick name': UserFieldName.NICK_NAME,
  'display name': UserFieldName.DISPLAY_NAME,
  'e-mail': UserFieldName.EMAIL,
  state: UserFieldName.STATE,
  type: UserFieldName.TYPE,
  creation: UserFieldName.CREATION_DATE,
};

const methods = {
  equals: TextQueryMethod.EQUALS,
  'equals ignoring case': TextQueryMethod.EQUALS_IGNORE_CASE,
  'starts with': TextQueryMethod.STARTS_WITH,
  'starts with ignoring case': TextQueryMethod.STARTS_WITH_IGNORE_CASE,
  contains: TextQueryMethod.CONTAINS,
  'contains ignoring case': TextQueryMethod.CONTAINS_IGNORE_CASE,
  'ends with': TextQueryMethod.ENDS_WITH,
  'ends with ignoring case': TextQueryMethod.ENDS_WITH_IGNORE_CASE,
};

const ignoreCase = TextQueryMethod.EQUALS_IGNORE_CASE;
const named = (n: number, method: TextQueryMethod = ignoreCase): Query => ({
  case: 'userNameQuery',
  value: { userName: people.username(n), method },
});
const addressed = (n: number, method: TextQueryMethod = ignoreCase): Query => ({
  case: 'emailQuery',
  value: { emailAddress: people.email(people.personFrom(n)), method },
});
const phoned = (n: number): Query => ({ case: 'phoneQuery', value: { number: people.phone(phonedFrom(n)) } });
const within = (organizationId: string) => ({ query: { case: 'organizationIdQuery', value: { organizationId } } }) as const;
const phonedFrom = (n: number): number => (people.phone(n) === '' ? phonedFrom(n === 0 ? 99 : n - 1) : n);

const lookups = (users: number, organizationId: string): Record<string, (n: number) => Query> => ({
  'login name': (n) => ({ case: 'loginNameQuery', value: { loginName: people.username(n), method: ignoreCase } }),
  'e-mail': (n) => addressed(n),
  phone: phoned,
  'one of ten ids': (n) => ({
    case: 'inUserIdsQuery',
    value: { userIds: tenFrom(n, users).map((m) => people.userId(m, users)) },
  }),
  'one of ten e-mails': (n) => ({
    case: 'inUserEmailsQuery',
    value: { userEmails: tenFrom(n, users).map((m) => people.email(people.personFrom(m))) },
  }),
  'of a small organization': () => within(organizationId).query,
  locked: () => ({ case: 'stateQuery', value: { state: UserState.LOCKED } }),
  machines: () => ({ case: 'typeQuery', value: { type: Type.MACHINE } }),
  'with an entry of metadata': (n) => ({ case: 'metadataValueFilter', value: { value: Buffer.from(`E-${n}`) } }),
});

const tenFrom = (n: number, users: number) => Array.from({ length: 10 }, (_, i) => (n + i * 997) % users);

export interface PageCost {
  callers: number;
  own: Cpu;
  least: Cpu;
}

const rounds = 3;

/** CPU of ListUsers for its first hundred by creation, and of the bare select of those rows with their encoding. */
export async function measurePage(dataDir: string, users: number, callers: number, seconds: number): Promise<PageCost> {
  const service = await startService({ dataDir });
  const of = casesFor(users, '', '').find(({ key }) => key === 'first');
  if (!of) throw new Error('no case of a first page');
  const work = { target: service, users, of };
  await warmUp(work);
  const connections = open(service, 1);
  const page = await connections.call(of.path, of.request(0), true);
  connections.close();
  const costs: { own: Cpu; least: Cpu }[] = [];
  for (let round = 0; round < rounds; round++) {
    const own = await slice(work, callers, seconds);
    const least = await databaseWork(service, { work: 'page', dataDir, users, callers, seconds, page });
    costs.push({ own: perRequest(own), least });
  }
  await service.stop();
  return { callers, own: meanCpu(costs.map(({ own }) => own)), least: meanCpu(costs.map(({ least }) => least)) };
}
