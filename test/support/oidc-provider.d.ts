// What the tests use of a package that comes without types.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface Context {
    path: string;
    body: unknown;
    status: number;
    get(header: string): string;
    oidc: {
      provider: Provider;
      params: { scope?: string; [name: string]: string | undefined };
      client: { clientId: string };
      session: { accountId: string };
    };
  }

  interface Grant {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<{ params: Record<string, string> }>;
    AccessToken: { find(token: string): Promise<{ accountId: string } | undefined> };
    Grant: new (of: {
      clientId: string;
      accountId: string;
    }) => Grant;
  }

  export const interactionPolicy: {
    base(): { add(prompt: object, index?: number): void };
    Prompt: new (about: { name: string; requestable: boolean }) => object;
  };
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  export function createMemoryAdapter(): object;
}
