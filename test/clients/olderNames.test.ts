// Clients that call the UserService by the name it had before: the published SDK for Node.js among them.
import { type DescEnum, type DescField, type DescMessage, type DescService, getOption, toJsonString } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { createAccessTokenInterceptor, createUserClient } from '@zitadel/node/dist/api/index.js';
import { UserService as Published } from '@zitadel/proto/zitadel/user/v2beta/user_service_pb.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { http } from '../../gen/google/api/annotations_pb.ts';
import { HttpRuleSchema } from '../../gen/google/api/http_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { UserService as OlderUserService } from '../../gen/zitadel/user/v2beta/user_service_pb.ts';
import { accessOf } from '../../src/server/access.ts';
import { routes } from '../../src/server/routes.ts';
import { createStranger } from '../support/actors.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('the older name', () => {
  const bindingOf = (method: DescService['methods'][number]) => toJsonString(HttpRuleSchema, getOption(method, http));

  test('has the RPCs that were published, at the same paths of REST', () => {
    const facts = ({ methods }: DescService) =>
      methods.map((method) => `${method.name} ${method.methodKind} ${bindingOf(method)}`);
    expect(facts(OlderUserService)).toEqual(facts(Published));
    expect(Published.methods).toHaveLength(34);
  });

  test('has requests and answers that hold every published field, by number, name, JSON name and type', () => {
    const compared = new Set<string>();
    const differing = OlderUserService.methods.flatMap((method, index) => {
      const published = Published.methods[index];
      if (!published) throw new Error(`${method.name} was not published`);
      return [...differences(published.input, method.input, compared), ...differences(published.output, method.output, compared)];
    });
    expect(differing).toEqual([]);
    expect(compared.size).toBeGreaterThan(120);
  });

  test('is served by the handlers of the newer one, for whom the same is declared', () => {
    const implementations = new Map<DescService, object>();
    const router: ConnectRouter = {
      handlers: [],
      service: (service, implementation) => {
        implementations.set(service, implementation);
        return router;
      },
      rpc: () => router,
    };
    routes(router);
    const [older, newer] = [OlderUserService, UserService].map((service) => implementations.get(service) ?? {});
    for (const method of OlderUserService.methods) {
      const { localName } = method;
      const namesake = UserService.methods.find((other) => other.localName === localName);
      if (!older || !newer || !namesake) throw new Error(`nothing newer is called ${localName}`);
      expect(Reflect.get(older, localName)).toBe(Reflect.get(newer, localName));
      expect(accessOf(method)).toBe(accessOf(namesake));
      expect([method.input, method.output]).toEqual([namesake.input, namesake.output]);
    }
  });
});

/** What somebody who has the published definition would read or write otherwise. */
function* differences(published: DescMessage, ours: DescMessage, compared: Set<string>): Generator<string> {
  if (compared.has(published.typeName)) return;
  compared.add(published.typeName);
  for (const field of published.fields) {
    const own = ours.fields.find(({ number }) => number === field.number);
    if (!own || factsOf(own) !== factsOf(field)) yield `${field} is ${factsOf(field)}, here ${own && factsOf(own)}`;
    if (field.message && own?.message) yield* differences(field.message, own.message, compared);
    if (field.enum && own?.enum) yield* missingValues(field.enum, own.enum);
  }
}

const factsOf = (field: DescField): string => {
  const { name, jsonName, fieldKind, scalar, presence, oneof } = field;
  const list = field.fieldKind === 'list' ? field.listKind : '';
  const map = field.fieldKind === 'map' ? `${field.mapKey} ${field.mapKind}` : '';
  const type = (field.message ?? field.enum)?.typeName.replace('.v2beta.', '.v2.');
  return [name, jsonName, fieldKind, scalar, list, map, type, presence, oneof?.name].join(' ');
};

function* missingValues(published: DescEnum, ours: DescEnum): Generator<string> {
  for (const { name, number } of published.values) if (ours.value[number]?.name !== name) yield `${name} = ${number}`;
}

describe('@zitadel/node', () => {
  let server: TestServer;
  const clientWith = (token: string) => createUserClient(server.address, createAccessTokenInterceptor(token));

  beforeAll(async () => {
    server = await startServer();
  });

  test('creates, reads, finds, changes, locks and deletes a user', async () => {
    const users = clientWith(server.token);
    const { userId } = await users.addHumanUser({
      profile: { givenName: 'Emmy', familyName: 'Noether' },
      email: { email: 'emmy@example.com', isVerified: true },
    });
    const { user } = await users.getUserByID({ userId });
    expect(user).toMatchObject({ userId, state: 1, preferredLoginName: 'emmy@example.com' });
    const { result } = await users.listUsers({ queries: [{ emailQuery: { emailAddress: 'emmy@example.com' } }] });
    expect(result.map((found) => found.userId)).toEqual([userId]);
    await users.setPhone({ userId, phone: '+41791234567', isVerified: true });
    await users.lockUser({ userId });
    const changed = (await users.getUserByID({ userId })).user;
    expect(changed).toMatchObject({ state: 4, human: { phone: { phone: '+41791234567', isVerified: true } } });
    await users.deleteUser({ userId });
    await expect(users.getUserByID({ userId })).rejects.toMatchObject({
      code: 5,
      details: expect.stringContaining('USER_NOT_FOUND'),
    });
  });

  test('is refused what the newer name refuses', async () => {
    const { token } = await createStranger(server);
    const human = { profile: { givenName: 'A', familyName: 'B' }, email: { email: 'a@example.com', isVerified: true } };
    await expect(clientWith(token).addHumanUser(human)).rejects.toMatchObject({ code: 5 });
    await expect(clientWith('wrong').listUsers({})).rejects.toMatchObject({ code: 16 });
  });

  test('is told that the name will go, and what takes its place', async () => {
    const response = await fetch(`${server.address}/${OlderUserService.typeName}/GetUserByID`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: '{"userId":"1"}',
    });
    expect(response.headers.get('deprecation')).toMatch(/^@\d+$/);
    expect(response.headers.get('link')).toBe('</zitadel.user.v2.UserService/GetUserByID>; rel="successor-version"');
  });
});
