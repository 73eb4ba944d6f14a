// Path templates by themselves, with every form that google/api/http.proto knows.
import { describe, expect, test } from 'vitest';
import { Routing } from '../../../src/server/rest/routing.ts';
import { parseTemplate, valueIn } from '../../../src/server/rest/template.ts';

/** What a template makes of a path: its variables, or undefined where it does not take it. */
function taken(template: string, path: string): Record<string, string> | undefined {
  const parsed = parseTemplate(template);
  const routing = new Routing<string>();
  routing.add({ verb: 'GET', template: parsed }, template);
  const found = routing.find('GET', path);
  if (!('route' in found)) return undefined;
  return Object.fromEntries(parsed.variables.map((variable) => [variable.path.join('.'), valueIn(variable, found.segments)]));
}

test.each<[template: string, path: string, variables: Record<string, string> | undefined]>([
  ['/v2/users', '/v2/users', {}],
  ['/v2/users', '/v2/users/', undefined],
  ['/v2/users', '/v2/user', undefined],
  ['/v2/users', '/v2/users/1', undefined],
  ['/v2/users/{user_id}', '/v2/users/1', { user_id: '1' }],
  ['/v2/users/{user_id}', '/v2/users/', undefined],
  ['/v2/users/{user_id}', '/v2/users', undefined],
  ['/v2/users/{user_id}/lock', '/v2/users//lock', undefined],
  ['/v2/users/{user_id}/lock', '/v2/users/1/lock', { user_id: '1' }],
  ['/v2/users/{user_id}', '/v2/users/a%2Fb', { user_id: 'a/b' }],
  ['/v2/users/{user_id}', '/v2/users/%C3%BC%20%25', { user_id: 'ü %' }],
  ['/v2/users/{user_id}', '/v2/users/a+b', { user_id: 'a+b' }],
  ['/v2/users/{user_id}', '/v2/users/..', { user_id: '..' }],
  ['/v2/users/{user_id}', '/v2/users/%2e%2e', { user_id: '..' }],
  ['/v2/users/{user_id}', '/v2/users/a:b', { user_id: 'a:b' }],
  ['/v2/users/{user_id}', '/v2/%75sers/1', { user_id: '1' }],
  ['/v2/users/{user_id}:lock', '/v2/users/1:lock', { user_id: '1' }],
  ['/v2/users/{user_id}:lock', '/v2/users/a:b:lock', { user_id: 'a:b' }],
  ['/v2/users/{user_id}:lock', '/v2/users/1', undefined],
  ['/v2/users/{user_id}:lock', '/v2/users/:lock', undefined],
  ['/v2/users:lock', '/v2/users:lock', {}],
  ['/v1/*/b', '/v1/a/b', {}],
  ['/v1/{name=shelves/*}', '/v1/shelves/1', { name: 'shelves/1' }],
  ['/v1/{name=shelves/*}', '/v1/shelf/1', undefined],
  ['/v1/{name=shelves/*}/all', '/v1/shelves/a%2Fb%20c/all', { name: 'shelves/a%2Fb c' }],
  ['/v1/{a.b=x/*}/{c}', '/v1/x/1/2', { 'a.b': 'x/1', c: '2' }],
  ['/v1/{name=**}', '/v1/a/b/c', { name: 'a/b/c' }],
  ['/v1/{name=**}', '/v1', { name: '' }],
  ['/v1/{name=files/**}', '/v1/files/a/b', { name: 'files/a/b' }],
  ['/v1/{name=files/**}:get', '/v1/files/a/b:get', { name: 'files/a/b' }],
  ['/v1/**', '/v1/a/b', {}],
])('%s takes of %s %o', (template, path, variables) => {
  expect(taken(template, path)).toEqual(variables);
});

test.each([
  '',
  'v1',
  '/',
  '/v1/',
  '/v1//a',
  '/{',
  '/{}',
  '/{a',
  '/a}',
  '/{a={b}}',
  '/{a=}',
  '/a*b',
  '/{a-b}',
  '/{a.}',
  '/**/a',
  '/a:',
  '/a:b/c',
])('%s is no template', (template) => {
  expect(() => parseTemplate(template)).toThrow();
});

describe('among several templates', () => {
  const routing = new Routing<string>();
  const add = (verb: string, template: string) => routing.add({ verb, template: parseTemplate(template) }, `${verb} ${template}`);
  add('POST', '/v2/users/{user_id}/lock');
  add('POST', '/v2/users/keys/search');
  add('POST', '/v2/users/new');
  add('GET', '/v2/users/{user_id}');
  add('DELETE', '/v2/users/{id}');
  add('GET', '/v2/users/{user_id}:export');
  const find = (verb: string, path: string) => {
    const found = routing.find(verb, path);
    return 'route' in found ? found.route : found.allowed;
  };

  test.each([
    ['a word comes before a variable', 'POST', '/v2/users/keys/search', 'POST /v2/users/keys/search'],
    ['a variable is tried where the word leads nowhere', 'POST', '/v2/users/keys/lock', 'POST /v2/users/{user_id}/lock'],
    ['a word of another method hides nothing', 'GET', '/v2/users/new', 'GET /v2/users/{user_id}'],
    ['a verb comes before a variable', 'GET', '/v2/users/1:export', 'GET /v2/users/{user_id}:export'],
    ['what is no verb belongs to the variable', 'GET', '/v2/users/1:other', 'GET /v2/users/{user_id}'],
    ['another method is told of', 'PUT', '/v2/users/1', ['GET', 'DELETE']],
    ['nothing is told of no path', 'GET', '/v2/nothing', []],
  ])('%s', (_, verb, path, found) => {
    expect(find(verb, path)).toEqual(found);
  });

  test('two of one shape are refused', () => {
    expect(() => add('GET', '/v2/users/{other}')).toThrow('same paths');
  });

  test('bytes that are no UTF-8 are told of', () => {
    for (const path of ['/v2/users/%', '/v2/users/%zz', '/v2/users/%ff', '/v2/users/%c3']) {
      expect(() => find('GET', path)).toThrow(URIError);
    }
  });

  test('what stands elsewhere is known by its first word', () => {
    const below = ['/v2/users', '/v2/', '/v2', '/v3/users', '/', '', '/v2x/users', '*'].filter((path) => routing.isBelow(path));
    expect(below).toEqual(['/v2/users', '/v2/']);
  });
});
