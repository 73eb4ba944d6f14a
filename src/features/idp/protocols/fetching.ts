import type { JsonObject } from '@bufbuild/protobuf';
import type { App } from '../../../kernel/call.ts';
import { ProviderRefusal } from '../identity.ts';

interface Sent {
  method: string;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
}

/** `fetch`, as far as libraries need it. */
export type Fetching = (url: string, sent: Sent) => Promise<Response>;

/** Milliseconds that a provider has for one answer: people wait for it. */
export const answerMs = 10_000;

/** Statuses whose answers have no body (Fetch, 2.2.3: null body status). */
const bodiless = new Set([101, 103, 204, 205, 304]);
/** Statuses that say that a later try may do. */
const isBusy = (status: number) => status === 429 || status >= 500;

/**
 * `fetch` as libraries expect it, through the guarded client: no redirect, no private address, bounded time and size. Where
 * no answer comes, or one that says to come later, a ProviderRefusal `temporarily_unavailable`.
 */
export const providerFetch =
  ({ http }: Pick<App, 'http'>): Fetching =>
  async (url, { method, headers = {}, body }) => {
    const text = body === undefined || body === null ? undefined : String(body);
    const signal = AbortSignal.timeout(answerMs);
    const request = {
      url,
      method: method === 'POST' ? ('POST' as const) : ('GET' as const),
      headers: text !== undefined && !hasType(headers) ? { ...headers, 'content-type': formType } : headers,
      ...(text !== undefined && { body: text }),
      signal,
    };
    const answer = await http.send(request).catch((error: unknown) => {
      throw new ProviderRefusal('temporarily_unavailable', 'the provider cannot be reached', { cause: error });
    });
    if (isBusy(answer.status)) throw new ProviderRefusal('temporarily_unavailable', 'the provider cannot answer now');
    const told = Object.entries(answer.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []));
    const { status } = answer;
    return new Response(bodiless.has(status) ? null : answer.body, { status, headers: Object.fromEntries(told) });
  };

const formType = 'application/x-www-form-urlencoded;charset=UTF-8';
const hasType = (headers: Readonly<Record<string, string>>) =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');

/**
 * Whatever goes wrong with a provider is a ProviderRefusal: the one thrown on the way there, in whatever a library wrapped
 * it, else `server_error`, as the answer is at fault.
 */
export async function away<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal) throw refusal;
    forgetText(error);
    throw new ProviderRefusal('server_error', 'the provider did not answer as it should', { cause: error });
  }
}

/** What is no JSON is quoted in the error that says so, and it may be a token: it must not reach the log. */
function forgetText(error: unknown): void {
  if (!(error instanceof Error)) return;
  if (error.cause instanceof SyntaxError) delete error.cause;
  else forgetText(error.cause);
}

function refusalIn(error: unknown): ProviderRefusal | undefined {
  if (error instanceof ProviderRefusal) return error;
  return error instanceof Error ? refusalIn(error.cause) : undefined;
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function textIn(json: JsonObject, name: string): string {
  const value = json[name];
  return typeof value === 'string' ? value : '';
}
