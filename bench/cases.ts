// What is measured: a name, the request for user n, and what its answer must be.
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJsonString,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { TextQueryMethod } from '../gen/zitadel/object/v2/object_pb.ts';
import { UserFieldName } from '../gen/zitadel/user/v2/query_pb.ts';
import { type ListUsersRequestSchema, type ListUsersResponse, UserService } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { type Checked, framed, overGrpc } from './calls.ts';
import { createdPrefix } from './load.ts';
import { email, personFrom, userId, username, usernamePrefix } from './people.ts';

/** Asked over gRPC, unless someone asks another way. */
export interface Case extends Checked {
  key: string;
  name: string;
  path: string;
  request(n: number): Buffer;
  /** The same in protobuf's JSON. */
  json: Json;
}

interface Json {
  request(n: number): Buffer;
  verify(answer: Buffer, n: number): void;
}

interface Unary<I extends DescMessage, O extends DescMessage> {
  method: DescMethodUnary<I, O>;
  request(n: number): MessageInitShape<I>;
  isRight(answer: MessageShape<O>, n: number): boolean;
}

function unary<I extends DescMessage, O extends DescMessage>(
  key: string,
  name: string,
  { method, request, isRight }: Unary<I, O>,
): Case {
  const call = {
    path: `/${method.parent.typeName}/${method.name}`,
    request: (n: number) => framed(toBinary(method.input, create(method.input, request(n)))),
  };
  const check = (message: MessageShape<O>, n: number) => {
    if (!isRight(message, n)) throw new Error(`${name}: not the answer for user ${n}`);
  };
  return {
    key,
    name,
    ...call,
    ...overGrpc(call),
    verify: (answer, n) => check(fromBinary(method.output, answer), n),
    json: {
      request: (n) => Buffer.from(toJsonString(method.input, create(method.input, request(n)))),
      verify: (answer, n) => check(fromJsonString(method.output, answer.toString()), n),
    },
  };
}

type ListInit = MessageInitShape<typeof ListUsersRequestSchema>;

export const list = (
  key: string,
  name: string,
  request: (n: number) => ListInit,
  isRight: (answer: ListUsersResponse, n: number) => boolean,
) => unary(key, `ListUsers, ${name}`, { method: UserService.method.listUsers, request, isRight });

const total = ({ details }: ListUsersResponse) => Number(details?.totalResult ?? 0n);
const newest = UserFieldName.CREATION_DATE;

/** @param run Differs from run to run, as usernames of created users must. */
export function casesFor(users: number, organizationId: string, run: string): Case[] {
  let created = 0;
  return [
    unary('get', 'GetUserByID', {
      method: UserService.method.getUserByID,
      request: (n) => ({ userId: userId(n, users) }),
      isRight: ({ user }, n) => user?.userId === userId(n, users) && user.username === username(n),
    }),
    list(
      'first',
      'first 100 by creation date',
      () => ({ sortingColumn: newest }),
      (answer) => answer.result.length === 100 && total(answer) > users,
    ),
    list(
      'email',
      'exact e-mail',
      (n) => ({ queries: [{ query: { case: 'emailQuery', value: { emailAddress: email(personFrom(n)) } } }] }),
      (answer, n) => total(answer) === 1 && answer.result[0]?.username === username(personFrom(n)),
    ),
    list(
      'prefix',
      'username prefix',
      (n) => {
        const value = { userName: usernamePrefix(personFrom(n)), method: TextQueryMethod.STARTS_WITH_IGNORE_CASE };
        return {
          query: { asc: true },
          sortingColumn: UserFieldName.USER_NAME,
          queries: [{ query: { case: 'userNameQuery', value } }],
        };
      },
      (answer, n) =>
        answer.result.length > 0 && answer.result.every((user) => user.username.startsWith(usernamePrefix(personFrom(n)))),
    ),
    list(
      'contains',
      'username contains, few match',
      (n) => containing(username(personFrom(n)).slice(3)),
      (answer) => total(answer) > 0,
    ),
    list(
      'contains-many',
      'username contains, 2 % match',
      (n) => containing(usernamePrefix(n).split('.')[1] ?? ''),
      (answer) => total(answer) > users / 100,
    ),
    list(
      'offset',
      'by creation date from row 10,000',
      () => ({ query: { offset: BigInt(Math.min(10_000, users / 2)) }, sortingColumn: newest }),
      (answer) => answer.result.length === 100,
    ),
    unary('create', 'CreateUser', {
      method: UserService.method.createUser,
      request: (n) => {
        const name = `${createdPrefix}${run}-${created++}`;
        const profile = { givenName: 'Newly', familyName: `Created ${n}` };
        const value = {
          profile,
          email: { email: `${name}@example.com`, verification: { case: 'isVerified', value: true } },
        } as const;
        return { organizationId, username: name, userType: { case: 'human', value } } as const;
      },
      isRight: ({ id }) => /^\d{18}$/.test(id),
    }),
  ];
}

function containing(text: string): ListInit {
  const value = { userName: text, method: TextQueryMethod.CONTAINS_IGNORE_CASE };
  return { sortingColumn: newest, queries: [{ query: { case: 'userNameQuery', value } }] };
}
