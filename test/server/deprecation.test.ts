// What callers and operators are told of methods that will go.
import { readFileSync } from 'node:fs';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ManagementService } from '../../gen/zitadel/management/v1/management_pb.ts';
import { accessOf } from '../../src/server/access.ts';
import { deprecatedSince, successorOf } from '../../src/server/successors.ts';
import { createHuman } from '../support/actors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let userId: string;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_CORS_ORIGINS: 'https://app.example.com' } });
  userId = await createHuman(server);
});

const path = (name: string) => `${server.address}/zitadel.management.v1.ManagementService/${name}`;

const post = (name: string, body: object) =>
  fetch(path(name), {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', origin: 'https://app.example.com' },
    body: JSON.stringify(body),
  });

const announcement = ({ headers }: { headers: Headers }) => [headers.get('deprecation'), headers.get('link')];
const since = `@${Date.UTC(2026, 10, 1) / 1000}`;
const successor = '</zitadel.user.v2.UserService/GetUserByID>; rel="successor-version"';

describe('an answer of a deprecated method', () => {
  test('says so, and names the successor', async () => {
    expect(deprecatedSince).toBe(1_793_491_200);
    const answer = await post('GetHumanEmail', { userId });
    expect(answer.status).toBe(200);
    expect(announcement(answer)).toEqual([since, successor]);
    expect(answer.headers.get('access-control-expose-headers')?.toLowerCase()).toMatch(/\bdeprecation, link\b/);
  });

  test.each([
    ['a refusal', { userId: 'nobody' }, 404],
    ['a broken rule', {}, 400],
  ])('says so in %s', async (_, body, status) => {
    const answer = await post('GetHumanEmail', body);
    expect(answer.status).toBe(status);
    expect(announcement(answer)).toEqual([since, successor]);
  });

  test('says so over gRPC', async () => {
    const headers: Headers[] = [];
    const client = createClient(ManagementService, createGrpcTransport({ baseUrl: server.address }));
    await client.getHumanEmail(
      { userId },
      { headers: { authorization: `Bearer ${server.token}` }, onHeader: (found) => void headers.push(found) },
    );
    expect(announcement({ headers: headers[0] ?? new Headers() })).toEqual([since, successor]);
  });
});

test('an answer of a method that stays does not', async () => {
  expect(announcement(await post('GetMyOrg', {}))).toEqual([null, null]);
});

test('the log has one line for each method and caller and day', async () => {
  const warn = vi.spyOn(server.app.log, 'warn');
  const told = () => warn.mock.calls.map(([line]) => line);
  await post('GetHumanPhone', { userId });
  await post('GetHumanPhone', { userId: 'nobody' });
  const rpc = 'zitadel.management.v1.ManagementService/GetHumanPhone';
  const [owner] = await server.sql<{ id: string }[]>`select user_id as id from personal_access_tokens`;
  expect(told()).toEqual([{ rpc, caller: owner?.id, successor: 'zitadel.user.v2.UserService/GetUserByID' }]);
  server.setTime(new Date(epoch.getTime() + 24 * 60 * 60 * 1000));
  await post('GetHumanPhone', { userId });
  expect(told()).toHaveLength(2);
});

describe('/metrics', () => {
  test('counts the calls by method', async () => {
    const lines = async () => (await (await fetch(`${server.address}/metrics`)).text()).split('\n');
    const counter = (count: number) =>
      `roster_deprecated_calls_total{rpc="zitadel.management.v1.ManagementService/GetHumanProfile"} ${count}`;
    await post('GetHumanProfile', { userId });
    expect(await lines()).toContain(counter(1));
    await post('GetHumanProfile', { userId: 'nobody' });
    expect(await lines()).toContain(counter(2));
    expect((await lines())[1]).toBe('# TYPE roster_deprecated_calls_total counter');
  });

  test('answers GET and HEAD only', async () => {
    const answers = await Promise.all(['HEAD', 'POST'].map((method) => fetch(`${server.address}/metrics`, { method })));
    expect(answers.map(({ status }) => status)).toEqual([200, 405]);
    expect(answers[0]?.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });
});

describe('the table of successors', () => {
  const proto = readFileSync(new URL('../../proto/zitadel/management/v1/management.proto', import.meta.url), 'utf8');
  const stays = /^(RemoveHumanAvatar|GetMyOrg|\w*OrgMember\w*|\w*Provider\w*)$/;

  test('holds every call on users, with the successor that its definition names', () => {
    const inTable = ManagementService.methods.map((method) => [method.name, successorOf(method)?.method.name]);
    const inProto = ManagementService.methods.map(({ name }) => {
      const above = proto.slice(0, proto.indexOf(`  rpc ${name}(`));
      const comment = above.slice(above.lastIndexOf('\n\n'));
      return [name, /Deprecated: use zitadel\.user\.v2\.UserService\.(\w+)/.exec(comment)?.[1]];
    });
    expect(inTable).toEqual(inProto);
    expect(inTable.filter(([, next]) => next === undefined).filter(([name = '']) => !stays.test(name))).toEqual([]);
  });

  test('names what is served, and says what differs', () => {
    const entries = ManagementService.methods.flatMap((method) => successorOf(method) ?? []);
    expect(entries).toHaveLength(25);
    expect(entries.filter(({ method, differs }) => !accessOf(method) || differs.length < 10)).toEqual([]);
  });

  test('is the one in docs/migrating-from-v1.md', () => {
    const page = readFileSync(new URL('../../docs/migrating-from-v1.md', import.meta.url), 'utf8');
    const missing = ManagementService.methods.filter((method) => {
      const next = successorOf(method);
      return next && !page.includes(`| ${method.name} | ${next.method.name} | ${next.differs} |`);
    });
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
