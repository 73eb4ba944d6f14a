// A SAML identity provider on a loopback port: everybody who comes is signed in as one person. It also writes whatever
// response a test wants, right or wrong, with its own key.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { inflateRawSync } from 'node:zlib';
import samlp, { type ResponseOptions } from 'samlp';
import { SignedXml } from 'xml-crypto';
import { newKeyPair, type SigningKey } from '../../src/features/idp/protocols/samlKey.ts';
import { closeWithFile } from './closing.ts';

const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

export const person = {
  nameId: 'ada@id.example.net',
  attributes: {
    [`${claims}/emailaddress`]: 'ada@example.net',
    [`${claims}/givenname`]: 'Ada',
    [`${claims}/surname`]: 'Lovelace',
    [`${claims}/name`]: 'Ada Lovelace',
    groups: ['analysts', 'engineers'],
  },
};

/** A request as it reached the provider. */
export interface Asked {
  id: string;
  /** Who asks. */
  issuer: string;
  acs: string;
  relayState: string;
}

export interface Told {
  nameId?: string;
  nameIdFormat?: string;
  attributes?: Record<string, string | string[]>;
  /** Before it is signed. */
  edit?: (xml: string) => string;
  sign?: 'assertion' | 'response' | 'both' | 'nothing';
  with?: SigningKey;
  algorithm?: keyof typeof algorithms;
  issuer?: string;
  audience?: string;
  recipient?: string;
  destination?: string;
  inResponseTo?: string;
}

const [sha1, sha256] = ['http://www.w3.org/2000/09/xmldsig#sha1', 'http://www.w3.org/2001/04/xmlenc#sha256'];
const [rsaSha1, rsaSha256] = [
  'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
] as const;
/** Of the signature, and of the digest. */
const algorithms = {
  sha256: [rsaSha256, sha256],
  'SHA-1 in the signature': [rsaSha1, sha256],
  'SHA-1 in the digest': [rsaSha256, sha1],
} as const;

export class SamlProvider {
  key: SigningKey;
  /** Accepts requests only that this certificate signed. */
  trusted: string | undefined;
  /** Sends people back with this status in place of a sign-in. */
  refusal: string | undefined;
  /** Requests of any kind that reached it, as `METHOD /path`. */
  readonly requests: string[] = [];
  /** What stands at /metadata in place of its own. */
  metadataInstead: ((response: ServerResponse) => void) | undefined;
  readonly origin: string;

  constructor(origin: string, key: SigningKey) {
    this.origin = origin;
    this.key = key;
  }

  get entityId(): string {
    return `${this.origin}/metadata`;
  }

  async rotate(): Promise<void> {
    this.key = await newKeyPair('provider.test', new Date());
  }

  /** A response to a request: right, but for what is told. */
  async respond(asked: Asked, told: Told = {}): Promise<string> {
    const plain = await new Promise<string>((resolve, reject) =>
      samlp.getSamlResponse({ ...this.#optionsFor(asked, told), signAssertion: false }, person, (error, xml) =>
        error ? reject(error) : resolve(xml),
      ),
    );
    const xml = told.edit?.(plain) ?? plain;
    const sign = (text: string, name: 'Assertion' | 'Response') => signed(text, name, told.with ?? this.key, told.algorithm);
    switch (told.sign ?? 'assertion') {
      case 'assertion':
        return sign(xml, 'Assertion');
      case 'response':
        return sign(xml, 'Response');
      case 'both':
        return sign(sign(xml, 'Assertion'), 'Response');
      case 'nothing':
        return xml;
    }
  }

  #optionsFor({ id, issuer, acs }: Asked, told: Told): ResponseOptions {
    const nameIdentifierFormat = told.nameIdFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
    return {
      issuer: told.issuer ?? this.entityId,
      cert: this.key.certificate,
      key: this.key.key,
      audience: told.audience ?? issuer,
      recipient: told.recipient ?? acs,
      destination: told.destination ?? acs,
      inResponseTo: told.inResponseTo ?? id,
      lifetimeInSeconds: 600,
      nameIdentifierFormat,
      profileMapper: () => ({
        getClaims: () => told.attributes ?? person.attributes,
        getNameIdentifier: () => ({ nameIdentifier: told.nameId ?? person.nameId, nameIdentifierFormat }),
      }),
    };
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.origin);
    this.requests.push(`${request.method} ${url.pathname}`);
    const body = Object.fromEntries(new URLSearchParams(request.method === 'POST' ? await text(request) : ''));
    const query = Object.fromEntries(url.searchParams);
    const asExpress = Object.assign(request, { query, body, originalUrl: request.url, protocol: 'http' });
    const express = Object.assign(response, {
      set: (name: string, value: string) => response.setHeader(name, value),
      send: (sent: string | number) => (typeof sent === 'number' ? response.writeHead(sent).end() : response.end(sent)),
    });
    const failed = (error?: Error) => response.writeHead(400).end(error?.message ?? 'nothing to do');
    if (url.pathname === '/metadata') {
      if (this.metadataInstead) return this.metadataInstead(response);
      const paths = { redirectEndpointPath: '/sso', postEndpointPath: '/sso' };
      return samlp.metadata({ issuer: this.entityId, cert: this.key.certificate, ...paths })(asExpress, express, failed);
    }
    if (url.pathname !== '/sso') return void response.writeHead(404).end();
    this.#middleware({ ...query, ...body })(asExpress, express, failed);
  }

  #middleware(sent: Record<string, string>) {
    const asked = readRequest(sent);
    const credentials = { issuer: this.entityId, cert: this.key.certificate, key: this.key.key };
    if (this.refusal !== undefined) {
      const error = { code: this.refusal, description: 'words of the provider' };
      const addressed = { destination: asked.acs, inResponseTo: asked.id, RelayState: asked.relayState };
      return samlp.sendError({ ...credentials, ...addressed, error, getPostURL: (_, done) => done(null, asked.acs) });
    }
    return samlp.auth({
      ...this.#optionsFor(asked, {}),
      signatureAlgorithm: 'rsa-sha256',
      digestAlgorithm: 'sha256',
      signingCert: this.trusted,
      getUserFromRequest: () => person,
      getPostURL: (_audience, _dom, _request, done) => done(null, asked.acs),
    });
  }
}

/** With a key of its own, unless given another one's, which takes much less time. */
export async function startSamlProvider(key?: SigningKey): Promise<SamlProvider> {
  const server = createServer((request, response) => void provider.answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeWithFile(async () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const provider = new SamlProvider(`http://127.0.0.1:${address.port}`, key ?? (await newKeyPair('provider.test', new Date())));
  return provider;
}

/** The fields of a form, or of a query, as they reached the provider. */
export function readRequest({ SAMLRequest = '', RelayState = '' }: Record<string, string>): Asked & { xml: string } {
  const bytes = Buffer.from(SAMLRequest, 'base64');
  const xml = (bytes[0] === '<'.charCodeAt(0) ? bytes : inflateRawSync(bytes)).toString();
  const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(xml)?.[1] ?? '';
  const issuer = /<saml:Issuer[^>]*>([^<]*)</.exec(xml)?.[1] ?? '';
  return { xml, id: attribute('ID'), issuer, acs: attribute('AssertionConsumerServiceURL'), relayState: RelayState };
}

/** Puts a signature behind the first Issuer of the element. */
export function signed(
  xml: string,
  name: 'Assertion' | 'Response',
  { key, certificate }: SigningKey,
  algorithm: keyof typeof algorithms = 'sha256',
): string {
  const [signatureAlgorithm, digestAlgorithm] = algorithms[algorithm];
  const canonicalizationAlgorithm = 'http://www.w3.org/2001/10/xml-exc-c14n#';
  const signer = new SignedXml({ privateKey: key, publicCert: certificate, signatureAlgorithm, canonicalizationAlgorithm });
  const element = `//*[local-name(.)='${name}']`;
  const transforms = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', canonicalizationAlgorithm];
  signer.addReference({ xpath: element, transforms, digestAlgorithm });
  signer.computeSignature(xml, { location: { reference: `${element}/*[local-name(.)='Issuer']`, action: 'after' } });
  return signer.getSignedXml();
}
