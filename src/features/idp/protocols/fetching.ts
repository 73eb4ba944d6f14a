import type { JsonObject } from '@bufbuild/protobuf';
import type { App } from '../../../kernel/call.ts';
import { ProviderRefusal } from '../identity.ts';

interface Sent {
  method: string;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
}

/** Milliseconds that a provider has for one answer: people wait for it. */
const answerMs = 10_000;

/** `fetch` as libraries expect it, through the guarded client: no redirect, no private address, bounded time and size. */
export const providerFetch =
  ({ http }: Pick<App, 'http'>) =>
  async (url: string, { method, headers = {}, body }: Sent): Promise<Response> => {
    const text = body === undefined || body === null ? undefined : String(body);
    const signal = AbortSignal.timeout(answerMs);
    const answer = await http.send({
      url,
      method: method === 'POST' ? 'POST' : 'GET',
      headers: text !== undefined && !hasType(headers) ? { ...headers, 'content-type': formType } : headers,
      ...(text !== undefined && { body: text }),
      signal,
    });
    const told = Object.entries(answer.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []));
    const empty = answer.status === 204 || answer.status === 304;
    return new Response(empty ? null : answer.body, { status: answer.status, headers: Object.fromEntries(told) });
  };

const formType = 'application/x-www-form-urlencoded;charset=UTF-8';
const hasType = (headers: Readonly<Record<string, string>>) =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');

/** What goes wrong on the way to a provider is told as such; what it answers wrongly, as its fault. */
export async function away<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ProviderRefusal || isAnswer(error)) throw error;
    throw new ProviderRefusal('temporarily_unavailable', 'the provider cannot be reached', { cause: error });
  }
}

/** Errors of openid-client that an answer of the provider made, and not the way there. */
const isAnswer = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('OAUTH_');

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function textIn(json: JsonObject, name: string): string {
  const value = json[name];
  return typeof value === 'string' ? value : '';
}
