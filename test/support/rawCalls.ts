// Requests as no typed client would send them, and what they must not leave behind.
import type { DescMethodUnary } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import { accessOf } from '../../src/server/access.ts';
import { services } from '../../src/server/routes.ts';
import type { TestServer } from './server.ts';

/** Every method with one request and one answer that is served, by its path. */
export const served = services
  .flatMap(({ methods }) => methods)
  .filter((method): method is DescMethodUnary => method.methodKind === 'unary')
  .filter(accessOf)
  .map((method) => [`${method.parent.typeName}/${method.name}`, method] as const);

/** Posts a body as it is, to the UserService when no service is named, and tells the outcome as `status code reason`. */
export async function post(
  server: TestServer,
  method: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<string> {
  const type = typeof body === 'string' ? 'application/json' : 'application/proto';
  const response = await fetch(new URL(method, `${server.address}/zitadel.user.v2.UserService/`), {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': type, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
  const text = await response.text();
  if (response.status === 200) return '200';
  expect(text).not.toMatch(/node_modules|\.[jt]s:|select |insert |\/work\//);
  const { code, details }: { code: string; details: { type: string; debug: { reason: string } }[] } = JSON.parse(text);
  const reason = details.find(({ type }) => type === 'google.rpc.ErrorInfo')?.debug.reason;
  return `${response.status} ${code} ${reason}`;
}

export const unreadable = '400 invalid_argument REQUEST_UNREADABLE';
export const invalid = '400 invalid_argument INVALID_REQUEST';
