// Every call by HTTP's own means beside the same call by RPC, on the same state: made from the definitions, so that a new
// method is compared without a word here.
import { type DescMethodUnary, fromJson, type JsonObject, type JsonValue, toJson, toJsonString } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessOf } from '../../../src/server/access.ts';
import { organizationHeader } from '../../../src/server/organization.ts';
import { type Binding, bindingsOf } from '../../../src/server/rest/bindings.ts';
import { olderNames, services } from '../../../src/server/routes.ts';
import { type Asked, filled } from '../../support/isolation/choices.ts';
import { formsOf } from '../../support/isolation/forms.ts';
import { idPlaces } from '../../support/isolation/ids.ts';
import { pathOf } from '../../support/isolation/matrix.ts';
import { type Memory, remember } from '../../support/isolation/memory.ts';
import { openWire, type Wire } from '../../support/isolation/wire.ts';
import { createWorld, type Stage, stages, type World } from '../../support/isolation/world.ts';
import { startServer, type TestServer } from '../../support/server.ts';

interface Told {
  status: number;
  body: JsonObject;
}

let server: TestServer;
let world: World;
let memory: Memory;
let wire: Wire;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_TRIES_PER_NETWORK: '1000000' } });
  world = await createWorld(server);
  memory = await remember(server.sql);
  wire = openWire(server.address);
});

afterAll(() => wire.close());

const methods = [...services, ...olderNames].flatMap((service) => service.methods);
const unary = methods.filter((method): method is DescMethodUnary => method.methodKind === 'unary');

test('every method has a binding', () => {
  expect(unary.filter((method) => bindingsOf(method).length === 0)).toEqual([]);
  expect(unary.length).toBe(methods.length);
});

describe('the answer is that of the RPC, field by field', () => {
  for (const service of [...services, ...olderNames]) {
    test(service.typeName, { timeout: 60_000 }, async () => {
      const differing: string[] = [];
      let succeeded = 0;
      for (const method of unary.filter(({ parent }) => parent === service)) {
        if (await compare(method, differing)) succeeded++;
      }
      expect(differing).toEqual([]);
      // Whatever the comparison is worth depends on requests that get through.
      expect(succeeded).toBeGreaterThan(service.methods.length * 0.9);
    });
  }
});

test('nobody is told more than by the RPC, and without a token nobody is told anything', async () => {
  const [nobody] = world.callers;
  const differing: string[] = [];
  for (const method of unary) {
    const [{ json } = { json: {} }] = formsOf(method.input);
    const asked = aboutWhom(method, json, 'human');
    for (const binding of bindingsOf(method)) {
      const byRpc = await alone(() => askByRpc(method, asked, nobody));
      const byRest = await alone(() => askByRest(binding, asked, nobody));
      const refused = await askByRest(binding, asked, { ...world.owner, authorization: undefined });
      const wanted = byRpc.status === 200 ? { ...byRpc, status: binding.status } : asStatus(byRpc);
      if (!isSame(wanted, byRest)) differing.push(`${method}: ${JSON.stringify([wanted, byRest])}`);
      if (refused.status !== 401 || refused.body.code !== Code.Unauthenticated) differing.push(`${method}: ${refused.status}`);
    }
  }
  expect(differing).toEqual([]);
});

test('nonsense in a path, or as a body, is told to be that, whatever the call', async () => {
  const wrong: string[] = [];
  const headers = { authorization: world.owner.authorization ?? '' };
  for (const binding of unary.flatMap(bindingsOf)) {
    const ask = async (value: string, body: string) => {
      const path = `${server.address}${binding.path.replaceAll(/\{\w+\}/g, value)}`;
      const sent = await fetch(path, { method: binding.verb, headers, ...(binding.body === 'whole' && { body }) });
      if (sent.status !== 400) wrong.push(`${binding.verb} ${binding.path} with ${value} and ${body}: ${sent.status}`);
    };
    const [named, filled] = [binding.variables.length > 0, binding.body === 'whole'];
    const paths = named ? [ask('%F0%9F%92%A9%00', '{}'), ask('%C3%28', '{}')] : [];
    await Promise.all([...paths, ...(filled ? [ask('1', '{'), ask('1', '[{}]')] : [])]);
  }
  expect(wrong).toEqual([]);
  expect(await memory.undo()).toEqual([]);
});

/** Returns whether the request got through. */
async function compare(method: DescMethodUnary, differing: string[]): Promise<boolean> {
  const { asked, told } = await askAboutSomebody(method);
  const succeeded = told.status === 200;
  for (const binding of bindingsOf(method)) {
    const byRest = await alone(() => askByRest(binding, asked));
    const wanted = succeeded ? { ...told, status: binding.status } : asStatus(told);
    if (isSame(wanted, byRest)) continue;
    // What differs between two equal calls, a token say, is only looked for.
    const { body: like } = await alone(() => askByRpc(method, asked));
    const [a, b] = [wanted, byRest].map(({ status, body }) => ({ status, body: masked(body, like) }));
    if (!succeeded || !a || !b || !isSame(a, b)) {
      differing.push(`${method}: ${JSON.stringify([wanted, byRest])}`);
    }
  }
  return succeeded;
}

const isSame = (a: Told, b: Told): boolean =>
  a.status === b.status && JSON.stringify(sorted(a.body)) === JSON.stringify(sorted(b.body));

/** One request of a method, with all plain fields if it has any, about the first kind of user that it gets through with. */
async function askAboutSomebody(method: DescMethodUnary): Promise<{ asked: Asked; told: Told }> {
  const [smallest, more] = formsOf(method.input);
  const json = more?.label === 'plain' ? more.json : (smallest?.json ?? {});
  let first: { asked: Asked; told: Told } | undefined;
  for (const stage of stages) {
    const asked = aboutWhom(method, json, stage);
    const told = await alone(() => askByRpc(method, asked));
    if (told.status === 200) return { asked, told };
    first ??= { asked, told };
  }
  if (!first) throw new Error('there are no kinds of users');
  return first;
}

function aboutWhom(method: DescMethodUnary, json: JsonObject, stage: Stage): Asked {
  const access = accessOf(method);
  if (!access) throw new Error(`${method} is not declared`);
  const { mine } = world;
  return filled(access, json, [...idPlaces(method.input, json)], { user: mine.people[stage], place: mine });
}

/** Asks, and puts back what that changed. */
async function alone(ask: () => Promise<Told>): Promise<Told> {
  const told = await ask();
  await memory.undo();
  return told;
}

async function askByRpc(method: DescMethodUnary, { json, header }: Asked, { authorization } = world.owner): Promise<Told> {
  const body = Buffer.from(toJsonString(method.input, fromJson(method.input, json)));
  const headers = { authorization, [organizationHeader]: header };
  const answer = await wire.send({ path: pathOf(method), headers, body, protocol: 'connect-json' });
  return { status: Number(answer.headers[':status']), body: JSON.parse(answer.body.toString()) };
}

/** What the path does not say stands in the body, or else in the query. */
async function askByRest(binding: Binding, { json, header }: Asked, { authorization } = world.owner): Promise<Told> {
  const rest = toJson(binding.method.input, fromJson(binding.method.input, json));
  if (!isObject(rest)) throw new Error('a request is an object');
  let path = binding.path;
  for (const { path: names, fields } of binding.variables) {
    const [field] = fields;
    if (!field || fields.length > 1) throw new Error(`${names} is nested: say here how`);
    path = path.replace(`{${field.name}}`, encodeURIComponent(String(rest[field.jsonName] ?? '')));
    delete rest[field.jsonName];
  }
  const query = binding.body === 'none' ? `?${new URLSearchParams([...inQuery(rest)])}` : '';
  const response = await fetch(`${server.address}${path}${query}`, {
    method: binding.verb,
    headers: { ...(authorization && { authorization }), ...(header && { [organizationHeader]: header }) },
    ...(binding.body === 'whole' && { body: JSON.stringify(rest) }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

function* inQuery(json: JsonObject, above = ''): Generator<[string, string]> {
  for (const [name, value] of Object.entries(json)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (isObject(one)) yield* inQuery(one, `${above}${name}.`);
      else yield [`${above}${name}`, String(one)];
    }
  }
}

/** An error of the Connect protocol as REST has it. */
function asStatus({ status, body }: Told): Told {
  const { code, message, details } = body;
  const number = Object.values(Code).find((value) => typeof value === 'number' && codeToString(value) === code);
  const own = Array.isArray(details) ? details.filter(isObject) : [];
  const told = own.map(({ type, debug }) => ({ '@type': `type.googleapis.com/${type}`, ...(isObject(debug) ? debug : {}) }));
  return { status, body: { code: Number(number), message: message ?? '', details: told } };
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The shape of a value, and what of it is as in another one that is its like. */
function masked(value: JsonObject, like: JsonObject): JsonObject;
function masked(value: JsonValue, like: JsonValue | undefined): JsonValue;
function masked(value: JsonValue, like: JsonValue | undefined): JsonValue {
  if (Array.isArray(value)) return value.map((item, index) => masked(item, Array.isArray(like) ? like[index] : undefined));
  if (!isObject(value)) return value === like ? value : typeof value;
  const other = isObject(like) ? like : {};
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, masked(one, other[name])]));
}

/** Without the order of names, and of the details of errors. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((name) => [name, sorted(value[name] ?? null)]),
  );
}
