// What the tests use of a package that comes without types.
declare module 'samlp' {
  type Middleware = (request: object, response: object, next: (error?: Error) => void) => void;

  interface ResponseOptions {
    issuer: string;
    cert: string;
    key: string;
    audience?: string;
    recipient?: string;
    destination?: string;
    inResponseTo?: string;
    lifetimeInSeconds?: number;
    nameIdentifierFormat?: string;
    signAssertion?: boolean;
    signResponse?: boolean;
    signatureAlgorithm?: 'rsa-sha1' | 'rsa-sha256';
    digestAlgorithm?: 'sha1' | 'sha256';
    profileMapper?: (user: object) => {
      getClaims(): Record<string, string | string[]>;
      getNameIdentifier(): { nameIdentifier: string; nameIdentifierFormat: string };
    };
  }

  namespace samlp {
    export type { ResponseOptions };
  }

  const samlp: {
    auth(
      options: ResponseOptions & {
        getUserFromRequest: () => object;
        getPostURL: (audience: string, dom: object, request: object, done: (error: null, url: string) => void) => void;
        signingCert?: string | undefined;
      },
    ): Middleware;
    metadata(options: { issuer: string; cert: string; redirectEndpointPath: string; postEndpointPath: string }): Middleware;
    sendError(options: {
      issuer: string;
      cert: string;
      key: string;
      destination: string;
      inResponseTo: string;
      RelayState: string;
      error: { code: string; description: string };
      getPostURL: (request: object, done: (error: null, url: string) => void) => void;
    }): Middleware;
    getSamlResponse(options: ResponseOptions, user: object, done: (error: Error | null, xml: string) => void): void;
  };
  export = samlp;
}
