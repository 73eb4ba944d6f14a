// The description of REST, and the page to read and try it, in a browser as people have it.
import { getOption, hasOption } from '@bufbuild/protobuf';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { field as fieldRules } from '../../gen/buf/validate/validate_pb.ts';
import { SetEmailRequestSchema } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { bindingsOf } from '../../src/server/rest/bindings.ts';
import { olderNames, services } from '../../src/server/routes.ts';
import { createHuman } from '../support/actors.ts';
import { openSite } from '../support/browser.ts';
import type { TestServer } from '../support/server.ts';
import { expectUsable, type Visitor, visitor } from '../support/visitor.ts';

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  ({ server, browser } = await openSite());
});

interface Described {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, { operationId: string; deprecated?: boolean; parameters?: { name: string }[] }>>;
  components: { schemas: Record<string, { properties?: Record<string, object>; required?: string[]; description?: string }> };
}

const read = async (): Promise<Described> => JSON.parse(await (await fetch(`${server.address}/openapi.json`)).text());

describe('/openapi.json', () => {
  test('is OpenAPI 3.1, and all that it refers to is there', async () => {
    const described = await read();
    const validator = new Validator();
    expect(await validator.validate({ ...structuredClone(described) })).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const text = JSON.stringify(described);
    const named = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name));
    expect([...named].toSorted()).toEqual(Object.keys(described.components.schemas).toSorted());
    expect(described.servers).toEqual([{ url: '/' }]);
  });

  test('has every binding of every service, and no other', async () => {
    const { paths } = await read();
    const told = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    const bound = [...services, ...olderNames].flatMap(({ methods }) => methods.flatMap(bindingsOf));
    expect(told.toSorted()).toEqual(bound.map(({ verb, path }) => `${verb} ${path}`).toSorted());
    const ids = Object.values(paths).flatMap((verbs) => Object.values(verbs).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('says what the definitions do: comments, limits, what is needed, what is going away', async () => {
    const { paths, components } = await read();
    const rules = SetEmailRequestSchema.field.email;
    expect(hasOption(rules, fieldRules) && getOption(rules, fieldRules).type).toMatchObject({ value: { maxLen: 200n } });
    expect(paths['/v2/users/{user_id}/email']).toMatchObject({
      post: {
        deprecated: true,
        description: expect.stringContaining('Errors:'),
        parameters: [{ name: 'user_id', in: 'path', required: true }],
        requestBody: {
          content: {
            'application/json': {
              schema: {
                required: ['email'],
                properties: { email: { type: 'string', minLength: 1, maxLength: 200, format: 'email' } },
              },
            },
          },
        },
      },
    });
    expect(paths['/v2/sessions/{session_id}']?.get?.parameters?.map(({ name }) => name)).toEqual(['session_id', 'sessionToken']);
    expect(paths['/management/v1/users/{user_id}/profile']?.get).toMatchObject({ deprecated: true });
    expect(components.schemas['zitadel.session.v2.CheckUser']).toMatchObject({
      allOf: [{ anyOf: [{ required: ['userId'] }, { required: ['loginName'] }] }],
    });
  });

  test('is not sent again to whoever has it', async () => {
    const { headers } = await fetch(`${server.address}/openapi.json`);
    expect(headers.get('content-type')).toBe('application/json');
    const again = await fetch(`${server.address}/openapi.json`, { headers: { 'if-none-match': headers.get('etag') ?? '' } });
    expect(again.status).toBe(304);
    expect((await fetch(`${server.address}/openapi.json`, { method: 'POST' })).status).toBe(405);
  });
});

describe('/docs', () => {
  async function open(): Promise<Visitor> {
    const visit = await visitor(browser, { javaScriptEnabled: true });
    await visit.page.goto(`${server.url}/docs`);
    await visit.page.getByText('GET /v2/users/{user_id}', { exact: true }).waitFor();
    return visit;
  }

  test('shows every call, finds one, and sends it', async () => {
    const userId = await createHuman(server);
    const visit = await open();
    const { page } = visit;
    const described = Object.values((await read()).paths).flatMap((verbs) => Object.keys(verbs)).length;
    expect(await page.locator('#calls details details > summary > code').count()).toBe(described);
    await page.getByLabel('Token', { exact: true }).fill(server.token);
    await page.getByLabel('Find a call').fill('v2.UserService.GetUserByID');
    await page.getByText('GET /v2/users/{user_id}', { exact: true }).click();
    await page.getByLabel('user_id (path, required)').fill(userId);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText(`GET /v2/users/${userId}: 200`).waitFor();
    expect(await page.locator('pre').textContent()).toContain(`"userId": "${userId}"`);
    expect(visit.complaints).toEqual([]);
    await expectUsable(visit, server.url, server.token);
  });

  test('sends a body, and shows a refusal as what it is', async () => {
    const { page } = await open();
    await page.getByLabel('Token', { exact: true }).fill(server.token);
    await page.getByText('POST /v2/users', { exact: true }).click();
    await page.getByLabel('Body').fill('{"query":{"limit":5000}}');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('POST /v2/users: 400').waitFor();
    expect(await page.locator('pre').textContent()).toContain('"code": 3');
  });

  test('keeps the token nowhere', async () => {
    const { page } = await open();
    await page.getByLabel('Token', { exact: true }).fill('secret-token');
    await page.reload();
    await page.getByText('GET /v2/users/{user_id}', { exact: true }).waitFor();
    expect(await page.getByLabel('Token', { exact: true }).inputValue()).toBe('');
    expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage, document.cookie])')).toBe('[{},{},""]');
  });

  test('runs its own script alone', async () => {
    const { headers } = await fetch(`${server.address}/docs`);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; .*script-src 'self'; connect-src 'self'; .*frame-ancestors 'none'$/,
    );
  });
});
