// Sign-ins at SAML identity providers: against one that really runs, and against responses that somebody tampered with.
import { X509Certificate } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { pino } from 'pino';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { SAMLBinding, SAMLNameIDFormat, SAMLSignatureAlgorithm } from '../../gen/zitadel/idp/v1/idp_pb.ts';
import type { AddSAMLProviderRequestSchema } from '../../gen/zitadel/management/v1/management_pb.ts';
import { childrenOf, namespaces, onlyChild, readXml } from '../../src/features/idp/protocols/samlXml.ts';
import { createOrganization, homeOf, type Plain, unique } from '../support/actors.ts';
import { launchBrowser } from '../support/browser.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { failureUrl, start, successUrl } from '../support/journeys.ts';
import { attribute, tagsOf } from '../support/pages.ts';
import { createProvider } from '../support/providers.ts';
import {
  type Asked,
  person,
  readRequest,
  type SamlProvider,
  signed,
  startSamlProvider,
  type Told,
} from '../support/samlProvider.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { visitor } from '../support/visitor.ts';

let server: TestServer;
let idp: SamlProvider;
/** With another key. */
let stranger: SamlProvider;
/** Of the service, with nothing out of the ordinary. */
let plainId: string;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
  idp = await startSamlProvider();
  stranger = await startSamlProvider();
  plainId = await addSaml();
});

// The provider has its own clock, and tells the time that it is.
beforeEach(() => server.setTime(new Date()));

type Settings = Omit<Plain<typeof AddSAMLProviderRequestSchema>, 'name' | 'signatureAlgorithm'>;

/** Returns the id. */
async function addSaml(settings: Settings = {}): Promise<string> {
  const metadata = { case: 'metadataUrl', value: `${idp.origin}/metadata` } as const;
  const { id } = await server.as().admin.addSAMLProvider({ name: unique('SAML '), metadata, ...settings });
  return id;
}

interface Sent extends Asked {
  url: string;
  /** What the browser takes there. */
  fields: Record<string, string>;
  by: 'redirect' | 'form';
  xml: string;
}

async function begin(idpId: string): Promise<Sent> {
  const { nextStep } = await start(server, idpId);
  if (nextStep.case === 'formData') {
    const { url, fields } = nextStep.value;
    return { ...readRequest(fields), url, fields, by: 'form' };
  }
  if (nextStep.case !== 'authUrl') throw new Error(`no way there but ${nextStep.case}`);
  const fields = Object.fromEntries(new URL(nextStep.value).searchParams);
  return { ...readRequest(fields), url: nextStep.value, fields, by: 'redirect' };
}

/** The form that the provider answers with. */
async function signIn({ url, fields, by }: Sent): Promise<Form> {
  const answer = await fetch(url, by === 'form' ? { method: 'POST', body: new URLSearchParams(fields) } : {});
  const html = await answer.text();
  if (!answer.ok) throw new Error(html);
  const [form = ''] = tagsOf(html, 'form');
  const inputs = tagsOf(html.replace(/\s+/g, ' '), 'input').filter((tag) => attribute(tag, 'type') === 'hidden');
  const named = inputs.map((tag) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '']);
  return { action: attribute(form, 'action') ?? '', fields: Object.fromEntries(named) };
}

interface Form {
  action: string;
  fields: Record<string, string>;
}

interface Landing {
  status: number;
  /** Where to, without the query; empty: nowhere. */
  at: string;
  parameters: Record<string, string>;
}

async function submit({ action, fields }: Form): Promise<Landing> {
  const answer = await fetch(action, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  const location = answer.headers.get('location');
  if (location === null) return { status: answer.status, at: '', parameters: {} };
  const { origin, pathname, searchParams } = new URL(location);
  return { status: answer.status, at: origin + pathname, parameters: Object.fromEntries(searchParams) };
}

const formOf = (asked: Asked, xml: string): Form => ({
  action: asked.acs,
  fields: { SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: asked.relayState },
});

const retrieve = ({ parameters }: Landing) =>
  server.as().users.retrieveIdentityProviderIntent({
    idpIntentId: parameters.id ?? '',
    idpIntentToken: parameters.token ?? '',
  });

const expectSuccess = (landing: Landing) => {
  expect(landing.parameters.error_description).toBeUndefined();
  expect({ status: landing.status, at: landing.at }).toEqual({ status: 303, at: successUrl(server).split('?')[0] });
};

/** Sent back with these words, and nothing kept of what was brought. */
async function expectRefusal(landing: Landing, asked: Asked, description: string | RegExp, error = 'server_error') {
  expect(landing).toMatchObject({ status: 303, at: failureUrl(server), parameters: { id: asked.relayState, error } });
  expect(landing.parameters.error_description).toMatch(description);
  const rows = await server.sql`select state, result, token_hash, external_id from intents where id = ${asked.relayState}`;
  expect([...rows]).toEqual([{ state: 'failed', result: null, token_hash: null, external_id: '' }]);
}

describe('the whole way', () => {
  test('by redirect, with metadata from a URL', async () => {
    const id = await addSaml();
    const asked = await begin(id);
    expect(asked).toMatchObject({
      by: 'redirect',
      issuer: `${server.url}/idps/${id}/saml/metadata`,
      acs: `${server.url}/idps/${id}/saml/acs`,
    });
    expect(asked.url.startsWith(`${idp.origin}/sso?`)).toBe(true);
    expect(Object.keys(asked.fields).toSorted()).toEqual(['RelayState', 'SAMLRequest']);
    const form = await signIn(asked);
    expect(form).toMatchObject({ action: asked.acs, fields: { RelayState: asked.relayState } });
    const landing = await submit(form);
    expectSuccess(landing);
    const { idpInformation, addHumanUser } = await retrieve(landing);
    expect(idpInformation).toMatchObject({
      idpId: id,
      userId: person.nameId,
      userName: 'ada@example.net',
      rawInformation: { id: person.nameId, attributes: { groups: ['analysts', 'engineers'] } },
      access: { case: 'saml' },
    });
    if (idpInformation?.access.case !== 'saml') throw new Error('no assertion');
    expect(Buffer.from(idpInformation.access.value.assertion).toString()).toMatch(/^<saml:Assertion .*<\/saml:Assertion>$/s);
    expect(addHumanUser).toMatchObject({
      profile: { givenName: 'Ada', familyName: 'Lovelace', displayName: 'Ada Lovelace' },
      email: { email: 'ada@example.net', verification: { case: 'sendCode' } },
      idpLinks: [{ idpId: id, userId: person.nameId }],
    });
  });

  test('by a form', async () => {
    const asked = await begin(await addSaml({ binding: SAMLBinding.SAML_BINDING_POST }));
    expect(asked).toMatchObject({ by: 'form', url: `${idp.origin}/sso` });
    expectSuccess(await submit(await signIn(asked)));
  });
});

/** Begun, answered as told, changed on the way, brought back. */
async function tell(told: Told = {}, change = (xml: string) => xml, idpId = plainId) {
  const asked = await begin(idpId);
  const xml = change(await idp.respond(asked, told));
  return { asked, landing: await submit(formOf(asked, xml)) };
}

const xmlMetadata = (xml: string) => ({ case: 'metadataXml', value: new Uint8Array(Buffer.from(xml)) }) as const;
const ownMetadata = async () => (await fetch(`${idp.origin}/metadata`)).text();

describe('what is signed', () => {
  const stray = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>';

  test.each(['assertion', 'response', 'both'] as const)('one signature is enough: %s', async (sign) => {
    expectSuccess((await tell({ sign })).landing);
  });

  test.each<[string, Told, RegExp]>([
    ['nothing', { sign: 'nothing' }, /nothing in the response is signed/],
    ['SHA-1', { algorithm: 'SHA-1 in the signature' }, /a kind that is not accepted/],
    ['SHA-1 in the digest', { algorithm: 'SHA-1 in the digest' }, /a kind that is not accepted/],
    [
      'one signature too many',
      { edit: (xml) => xml.replace('<samlp:Status>', `<samlp:Extensions>${stray}</samlp:Extensions><samlp:Status>`) },
      /signatures out of place/,
    ],
  ])('not enough: %s', async (_name, told, description) => {
    const { asked, landing } = await tell(told);
    await expectRefusal(landing, asked, description);
  });

  test('a key that the metadata do not hold, though the response shows its certificate', async () => {
    const { asked, landing } = await tell({ with: stranger.key });
    await expectRefusal(landing, asked, /signature is not right/);
  });

  test('each signature that is there has to be right', async () => {
    const tampered = (xml: string) => xml.replace(/(<samlp:Response [^>]*IssueInstant=")\d{4}/, '$12001');
    const { asked, landing } = await tell({ sign: 'both' }, tampered);
    await expectRefusal(landing, asked, /signature is not right/);
  });

  test('a wrong one of the assertion within a right one of the response', async () => {
    const asked = await begin(plainId);
    const xml = signed(await idp.respond(asked, { with: stranger.key }), 'Response', idp.key);
    await expectRefusal(await submit(formOf(asked, xml)), asked, /signature is not right/);
  });

  test.each<[string, (xml: string) => string]>([
    ['another name id', (xml) => xml.replace(person.nameId, 'eve@id.example.net')],
    ['another attribute', (xml) => xml.replace('ada@example.net', 'eve@example.net')],
    ['one attribute more', (xml) => xml.replace('</saml:AttributeStatement>', `${extra}</saml:AttributeStatement>`)],
    ['another signature', (xml) => xml.replace(/<SignatureValue>.{8}/, '<SignatureValue>AAAAAAAA')],
    ['another digest', (xml) => xml.replace(/<DigestValue>.{4}/, '<DigestValue>AAAA')],
  ])('tampered with: %s', async (_name, change) => {
    const { asked, landing } = await tell({}, change);
    await expectRefusal(landing, asked, /signature is not right/);
  });

  const extra = '<saml:Attribute Name="role"><saml:AttributeValue>owner</saml:AttributeValue></saml:Attribute>';

  describe('wrapped', () => {
    const assertionIn = (xml: string) => /<saml:Assertion .*<\/saml:Assertion>/s.exec(xml)?.[0] ?? '';
    const signatureIn = (xml: string) => /<Signature .*?<\/Signature>/s.exec(xml)?.[0] ?? '';
    /** As the true one, of somebody else, unsigned, and with another ID. */
    const evil = (xml: string) =>
      assertionIn(xml)
        .replace(signatureIn(xml), '')
        .replace(person.nameId, 'eve@id.example.net')
        .replace(/ ID="_/, ' ID="_evil');

    test.each<[string, (xml: string) => string]>([
      ['a false one before the true one', (xml) => xml.replace('<saml:Assertion ', `${evil(xml)}<saml:Assertion `)],
      ['a false one behind the true one', (xml) => xml.replace('</samlp:Response>', `${evil(xml)}</samlp:Response>`)],
      [
        'the true one within the false one',
        (xml) => xml.replace(assertionIn(xml), evil(xml).replace('</saml:Assertion>', `${assertionIn(xml)}</saml:Assertion>`)),
      ],
      [
        'the true one within the signature of the false one',
        (xml) => {
          const bare = assertionIn(xml).replace(signatureIn(xml), '');
          const holding = signatureIn(xml).replace('</Signature>', `<Object>${bare}</Object></Signature>`);
          return xml.replace(assertionIn(xml), evil(xml).replace('</saml:Issuer>', `</saml:Issuer>${holding}`));
        },
      ],
      [
        'the true one among extensions',
        (xml) => xml.replace(assertionIn(xml), `<samlp:Extensions>${assertionIn(xml)}</samlp:Extensions>${evil(xml)}`),
      ],
      [
        'both with the same ID',
        (xml) => {
          const same = evil(xml).replace(' ID="_evil', ' ID="_');
          return xml.replace(assertionIn(xml), `<samlp:Extensions>${assertionIn(xml)}</samlp:Extensions>${same}`);
        },
      ],
      [
        'the signature moved to the response',
        (xml) => {
          const signature = signatureIn(xml);
          return xml.replace(assertionIn(xml), evil(xml)).replace('<samlp:Status>', `${signature}<samlp:Status>`);
        },
      ],
    ])('an assertion: %s', async (_name, change) => {
      const { asked, landing } = await tell({}, change);
      await expectRefusal(landing, asked, /not one assertion|out of place|signature is not right/);
    });

    test('a response within the signature of a false one', async () => {
      const { asked, landing } = await tell({ sign: 'response' }, (xml) => {
        const bare = xml.replace(signatureIn(xml), '');
        const holding = signatureIn(xml).replace('</Signature>', `<Object>${bare}</Object></Signature>`);
        const wrapped = bare.replace(person.nameId, 'eve@id.example.net').replace(/ ID="_/, ' ID="_evil');
        return wrapped.replace('</saml:Issuer>', `</saml:Issuer>${holding}`);
      });
      await expectRefusal(landing, asked, /not one assertion/);
    });
  });

  test('a comment cuts no name id', async () => {
    const whole = `${person.nameId}.evil.example`;
    const { landing } = await tell({ nameId: whole }, (xml) => xml.replace(whole, `${person.nameId}<!---->.evil.example`));
    expectSuccess(landing);
    expect((await retrieve(landing)).idpInformation?.userId).toBe(whole);
  });
});

describe('what is said', () => {
  test.each<[string, Told, RegExp]>([
    ['another audience', { audience: 'https://other.example' }, /for another audience/],
    [
      'no audience',
      { edit: (xml) => xml.replace(/<saml:AudienceRestriction>.*?<\/saml:AudienceRestriction>/s, '') },
      /another audience/,
    ],
    [
      'another audience beside ours',
      {
        edit: (xml) => {
          const [own = ''] = /<saml:AudienceRestriction>.*?<\/saml:AudienceRestriction>/s.exec(xml) ?? [];
          return xml.replace(own, own + own.replace(/(<saml:Audience>)[^<]*/, '$1https://other.example'));
        },
      },
      /for another audience/,
    ],
    [
      'another version',
      { edit: (xml) => xml.replace(/(<saml:Assertion [^>]*Version=")2.0/, '$11.1') },
      /no assertion of SAML 2.0/,
    ],
    [
      'a confirmation that is over',
      { edit: (xml) => xml.replace(/(SubjectConfirmationData [^>]*NotOnOrAfter=")\d{4}/, '$12001') },
      /came too late/,
    ],
    ['another issuer', { issuer: 'https://other.example' }, /of another provider/],
    [
      'another issuer of the response',
      { edit: (xml) => xml.replace(/(<saml:Issuer[^>]*>)[^<]*/, '$1https://other.example') },
      /response is of another provider/,
    ],
    [
      'another issuer of the assertion',
      { edit: (xml) => xml.replace(/(<saml:Assertion .*?<saml:Issuer>)[^<]*/s, '$1https://other.example') },
      /assertion is of another provider/,
    ],
    ['another recipient', { recipient: 'https://other.example/acs' }, /not here/],
    ['another destination', { destination: 'https://other.example/acs' }, /for somewhere else/],
    ['another request', { inResponseTo: '_of-somebody-else' }, /answers another request/],
    [
      'another request in the assertion alone',
      { edit: (xml) => xml.replace(/(SubjectConfirmationData [^>]*InResponseTo=")[^"]*/, '$1_other') },
      /does not answer this request/,
    ],
    ['no request: it came unasked', { edit: (xml) => xml.replaceAll(/ InResponseTo="[^"]*"/g, '') }, /another request, or none/],
    [
      'no request in the assertion',
      { edit: (xml) => xml.replace(/(SubjectConfirmationData [^>]*?) InResponseTo="[^"]*"/, '$1') },
      /does not answer this request/,
    ],
    ['no bearer', { edit: (xml) => xml.replace('cm:bearer', 'cm:holder-of-key') }, /does not answer this request/],
    ['no conditions', { edit: (xml) => xml.replace(/<saml:Conditions.*<\/saml:Conditions>/s, '') }, /no conditions/],
    ['no statement', { edit: (xml) => xml.replace(/<saml:AuthnStatement.*<\/saml:AuthnStatement>/s, '') }, /no sign-in/],
    ['no name id', { edit: (xml) => xml.replace(/<saml:NameID.*<\/saml:NameID>/s, '') }, /did not tell the account's id/],
    ['a time that is none', { edit: (xml) => xml.replace(/NotBefore="[^"]*"/, 'NotBefore="soon"') }, /a time that is none/],
    ['a time without a zone', { edit: (xml) => xml.replace(/(NotBefore="[^"]*)Z"/, '$1"') }, /a time that is none/],
    [
      'no end of the confirmation',
      { edit: (xml) => xml.replace(/(SubjectConfirmationData [^>]*?)NotOnOrAfter="[^"]*"/, '$1') },
      /the assertion cannot be read/,
    ],
    [
      'a thousand values and one',
      { attributes: { many: Array.from({ length: 1001 }, (_, i) => `${i}`) } },
      /more than 1000 elements/,
    ],
    [
      'ten thousand values',
      { edit: (xml) => xml.replace('</saml:Attribute>', `${'<saml:AttributeValue/>'.repeat(10_000)}</saml:Attribute>`) },
      /more than 250000 characters/,
    ],
    [
      'an encrypted assertion',
      { sign: 'nothing', edit: (xml) => xml.replaceAll('saml:Assertion', 'saml:EncryptedAssertion') },
      /encrypted assertions are not supported/,
    ],
  ])('refused: %s', async (_name, told, description) => {
    const { asked, landing } = await tell(told);
    await expectRefusal(landing, asked, description);
  });

  test('many values are taken', async () => {
    const many = Array.from({ length: 900 }, (_, i) => `value ${i}`);
    const { landing } = await tell({ attributes: { many } });
    expectSuccess(landing);
    expect((await retrieve(landing)).idpInformation?.rawInformation).toEqual({ id: person.nameId, attributes: { many } });
  });

  test.each([
    ['NotBefore', -60_000, true],
    ['NotBefore', -60_001, false],
    ['NotOnOrAfter', 59_999, true],
    ['NotOnOrAfter', 60_000, false],
  ] as const)('clocks may differ by a minute: %s %i ms', async (name, offset, good) => {
    const asked = await begin(plainId);
    const xml = await idp.respond(asked);
    const instant = new RegExp(`<saml:Conditions [^>]*${name}="([^"]*)"`).exec(xml)?.[1] ?? '';
    server.setTime(new Date(Date.parse(instant) + offset));
    const landing = await submit(formOf(asked, xml));
    if (good) expectSuccess(landing);
    else await expectRefusal(landing, asked, /has expired, or is not valid yet/);
  });

  test('the result lives no longer than the session at the provider', async () => {
    const now = new Date();
    server.setTime(now);
    const until = (ms: number): Told => ({
      edit: (xml) =>
        xml.replace(
          '<saml:AuthnStatement ',
          `<saml:AuthnStatement SessionNotOnOrAfter="${new Date(now.getTime() + ms).toISOString()}" `,
        ),
    });
    const { landing } = await tell(until(600_000));
    server.setTime(new Date(now.getTime() + 599_999));
    await retrieve(landing);
    server.setTime(new Date(now.getTime() + 600_000));
    expect(await outcome(retrieve(landing))).toBe('FailedPrecondition INTENT_EXPIRED');
    server.setTime(now);
    const over = await tell(until(-1));
    await expectRefusal(over.landing, over.asked, /session at the provider is over/);
  });

  test('attributes by their OIDs', async () => {
    const attributes = {
      'urn:oid:0.9.2342.19200300.100.1.3': 'grace@example.net',
      'urn:oid:2.5.4.42': 'Grace',
      'urn:oid:2.5.4.4': 'Hopper',
      'urn:oid:2.16.840.1.113730.3.1.241': 'Rear Admiral Hopper',
      'urn:oid:0.9.2342.19200300.100.1.1': 'grace',
    };
    const { landing } = await tell({ attributes });
    expect(await retrieve(landing)).toMatchObject({
      idpInformation: { userName: 'grace' },
      addHumanUser: {
        username: 'grace',
        profile: { givenName: 'Grace', familyName: 'Hopper', displayName: 'Rear Admiral Hopper' },
        email: { email: 'grace@example.net', verification: { case: 'sendCode' } },
      },
    });
  });

  test('a passing name id is nobody: the attribute that was agreed on is', async () => {
    const passing = { nameId: '_f00', nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' };
    const nameIdFormat = SAMLNameIDFormat.SAML_NAME_ID_FORMAT_TRANSIENT;
    const told: Told = { ...passing, attributes: { employee: ['4711', '12'] } };
    const { landing } = await tell(told, undefined, await addSaml({ nameIdFormat, transientMappingAttributeName: 'employee' }));
    expect((await retrieve(landing)).idpInformation).toMatchObject({ userId: '4711', userName: '4711' });
    const without = await tell(told, undefined, await addSaml({ nameIdFormat }));
    await expectRefusal(without.landing, without.asked, /did not tell the account's id/);
  });

  test.each([
    ['any', null],
    ['email', 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'],
    ['persistent', 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
    ['transient', 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'],
  ] as const)('the kind of name id that is asked for: %s', async (name, format) => {
    const nameIdFormat = {
      any: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_UNSPECIFIED,
      email: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_EMAIL_ADDRESS,
      persistent: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_PERSISTENT,
      transient: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_TRANSIENT,
    }[name];
    const { xml } = await begin(await addSaml({ nameIdFormat }));
    expect(/NameIDPolicy [^>]*Format="([^"]*)"/.exec(xml)?.[1] ?? null).toBe(format);
    expect(xml).not.toMatch(/ForceAuthn|RequestedAuthnContext/);
  });
});

describe('the way back', () => {
  test('who is refused there is told so, and no word of the provider', async () => {
    idp.refusal = 'urn:oasis:names:tc:SAML:2.0:status:Responder';
    onTestFinished(() => {
      idp.refusal = undefined;
    });
    const asked = await begin(plainId);
    const landing = await submit(await signIn(asked));
    await expectRefusal(landing, asked, /^the provider could not answer$/);
    const denied = await tell({ edit: (xml) => xml.replace(/<samlp:StatusCode [^>]*>/, nested('AuthnFailed')) });
    await expectRefusal(denied.landing, denied.asked, /^the provider refused \(AuthnFailed\)$/, 'access_denied');
    const odd = await tell({ edit: (xml) => xml.replace(/<samlp:StatusCode [^>]*>/, nested('Odd')) });
    await expectRefusal(odd.landing, odd.asked, /^the provider could not answer$/);
  });

  const nested = (code: string) => {
    const status = 'urn:oasis:names:tc:SAML:2.0:status';
    return `<samlp:StatusCode Value="${status}:Responder"><samlp:StatusCode Value="${status}:${code}"/></samlp:StatusCode>`;
  };

  test('a response works once', async () => {
    const form = await signIn(await begin(plainId));
    expectSuccess(await submit(form));
    expect(await submit(form)).toMatchObject({ status: 400, at: '' });
    const [other, asked] = [await begin(await addSaml()), await begin(plainId)];
    const landing = await submit(formOf(asked, await idp.respond(other)));
    await expectRefusal(landing, asked, /answers another request/);
  });

  test('the response to one journey ends no other of the same provider', async () => {
    const [first, second] = [await begin(plainId), await begin(plainId)];
    const landing = await submit(formOf(second, await idp.respond(first)));
    await expectRefusal(landing, second, /answers another request/);
    expectSuccess(await submit(formOf(first, await idp.respond(first))));
  });

  test('of two at once one succeeds', async () => {
    const form = await signIn(await begin(plainId));
    const landings = await Promise.all(Array.from({ length: 8 }, () => submit(form)));
    expect(landings.filter(({ parameters }) => parameters.token !== undefined)).toHaveLength(1);
  });

  test('no journey is ended at the place of another provider, nor by a link', async () => {
    const [asked, other] = [await begin(plainId), await begin(await addSaml())];
    const form = formOf(asked, await idp.respond(asked));
    expect(await submit({ ...form, action: other.acs })).toMatchObject({ status: 400, at: '' });
    expect((await fetch(`${form.action}?${new URLSearchParams(form.fields)}`, { redirect: 'manual' })).status).toBe(400);
    expect(await submit({ ...form, fields: { ...form.fields, RelayState: 'nothing' } })).toMatchObject({ status: 400, at: '' });
    expect(await submit({ ...form, fields: { ...form.fields, RelayState: 'x'.repeat(5000) } })).toMatchObject({ status: 400 });
    expectSuccess(await submit(form));
  });

  test('a provider that is deleted or switched off meanwhile lets nobody in', async () => {
    const gone = await addSaml();
    const asked = await begin(gone);
    await server.as().admin.deleteProvider({ id: gone });
    expect(await submit(formOf(asked, await idp.respond(asked)))).toMatchObject({ status: 400, at: '' });
    const off = await addSaml();
    const waiting = await begin(off);
    await server.sql`update identity_providers set state = 'inactive' where id = ${off}`;
    await expectRefusal(await submit(formOf(waiting, await idp.respond(waiting))), waiting, /./, 'access_denied');
  });

  test('keys are rolled over: metadata with both let both in', async () => {
    const provider = await startSamlProvider(idp.key);
    const before = await (await fetch(`${provider.origin}/metadata`)).text();
    const id = await addSaml({ metadata: xmlMetadata(before) });
    provider.key = stranger.key;
    const early = await begin(id);
    await expectRefusal(await submit(formOf(early, await provider.respond(early))), early, /signature is not right/);
    const after = await (await fetch(`${provider.origin}/metadata`)).text();
    const descriptor = /<KeyDescriptor.*<\/KeyDescriptor>/s;
    const old = descriptor.exec(before)?.[0] ?? '';
    const both = after.replace(descriptor, (added) => `${old}${added}`);
    await server.as().admin.updateSAMLProvider({ id, name: 'Both', metadata: xmlMetadata(both) });
    const asked = await begin(id);
    expectSuccess(await submit(formOf(asked, await provider.respond(asked))));
    await server.as().admin.updateSAMLProvider({ id, name: 'New', metadata: xmlMetadata(after) });
    const late = await begin(id);
    expectSuccess(await submit(formOf(late, await provider.respond(late))));
  });

  test('in a browser', async () => {
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const { page } = await visitor(browser, { javaScriptEnabled: true });
    const asked = await begin(plainId);
    await page.goto(asked.url);
    await page.waitForURL(`${successUrl(server)}&**`);
    const parameters = Object.fromEntries(new URL(page.url()).searchParams);
    expect(parameters.id).toBe(asked.relayState);
    expect((await retrieve({ status: 303, at: '', parameters })).idpInformation?.userId).toBe(person.nameId);
  });
});

describe('what strangers post', () => {
  const doctype = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
  const bomb = `<!DOCTYPE r [<!ENTITY a "${'a'.repeat(50)}">${Array.from(
    { length: 9 },
    (_, i) => `<!ENTITY ${'bcdefghij'[i]} "${`&${'abcdefghi'[i]};`.repeat(10)}">`,
  ).join('')}]>`;

  /** Elements, attributes and namespaces to the brim, and a digest that fits nothing. */
  const filled = (xml: string) => {
    const junk = Array.from({ length: 940 }, (_, i) => `<e xmlns:n${i % 45}="u" a="" b=""/>`).join('');
    return xml.replace(person.nameId, `eve${person.nameId}`).replace('</samlp:Response>', `<a>${junk}</a></samlp:Response>`);
  };
  const behind = (junk: string) => (xml: string) => xml.replace('</samlp:Response>', `<a>${junk}</a></samlp:Response>`);

  test.each<[string, (xml: string) => string, RegExp]>([
    ['an external entity', (xml) => doctype + xml.replace(person.nameId, '&x;'), /document type/],
    ['entities that multiply', (xml) => bomb + xml.replace(person.nameId, '&j;'), /document type/],
    ['an unknown entity', (xml) => xml.replace(person.nameId, '&x;'), /not well-formed/],
    ['a document type in small letters', (xml) => `<!doctype r>${xml}`, /document type/],
    ['as much as is taken', filled, /signature is not right/],
    ['depth', () => '<a>'.repeat(20_000), /nested more than 20 deep/],
    ['comments', behind('<!---->'.repeat(10_000)), /more than 1000 elements/],
    ['sections', behind('<![CDATA[x]]>'.repeat(10_000)), /more than 1000 elements/],
    ['many namespaces', behind(Array.from({ length: 60 }, (_, i) => `<e xmlns:n${i}="u"/>`).join('')), /too many namespaces/],
    [
      'attributes of many elements',
      behind(`<e ${Array.from({ length: 40 }, (_, i) => `a${i}=""`).join(' ')}/>`.repeat(80)),
      /too many attributes/,
    ],
    ['a long attribute', behind(`<e a="${'p '.repeat(3000)}"/>`), /a long attribute/],
    [
      'attributes of one element',
      behind(`<e ${Array.from({ length: 60 }, (_, i) => `a${i}=""`).join(' ')}/>`),
      /many attributes/,
    ],
    ['namespaces in depth', () => Array.from({ length: 5000 }, (_, i) => `<a xmlns:n${i}="u${i}">`).join(''), /nested/],
    ['width', () => `<a>${'<b/>'.repeat(40_000)}</a>`, /more than 1000 elements/],
    ['length', () => `<a>${'x'.repeat(187_500)}</a>`, /more than 250000 characters/],
    [
      'attributes',
      (xml) => xml.replace(' Version=', `${Array.from({ length: 10_000 }, (_, i) => ` a${i}=""`).join('')} Version=`),
      /too many attributes/,
    ],
    ['an instruction', (xml) => `<?xml-stylesheet href="file:///etc/passwd"?>${xml}`, /processing instructions/],
    ['control characters', (xml) => xml.replace(person.nameId, 'a&#0;b'), /characters that XML forbids|not well-formed/],
    ['half of it', (xml) => xml.slice(0, xml.length / 2), /not well-formed/],
    ['two of it', (xml) => xml + xml, /not well-formed/],
    ['nothing', () => '', /cannot be used: it is empty|not well-formed/],
    ['something else', () => '<html xmlns="http://www.w3.org/1999/xhtml"/>', /there is no response/],
    ['no XML', () => 'hello', /not well-formed|empty/],
  ])('refused soon: %s', async (_name, change, description) => {
    const asked = await begin(plainId);
    const form = formOf(asked, change(await idp.respond(asked)));
    const before = process.cpuUsage();
    const landing = await submit(form);
    // Microseconds of work, whatever else the machine does.
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
    await expectRefusal(landing, asked, description);
  });

  test('what takes long to verify does so beside the thread that answers everybody', async () => {
    // Each is one more look. Nobody verifies who signed a certificate: with another last byte it is another one.
    const keys = [1, 2, 3, 4].map((bits) => {
      const bytes = new X509Certificate(idp.key.certificate).raw.map((byte, at, all) =>
        at === all.length - 1 ? byte ^ bits : byte,
      );
      const data = `<X509Data><X509Certificate>${Buffer.from(bytes).toString('base64')}</X509Certificate></X509Data>`;
      return `<KeyDescriptor use="signing"><KeyInfo xmlns="${namespaces.signature}">${data}</KeyInfo></KeyDescriptor>`;
    });
    const metadata = xmlMetadata((await ownMetadata()).replace('<KeyDescriptor ', `${keys.join('')}<KeyDescriptor `));
    const asked = await begin(await addSaml({ metadata }));
    const form = formOf(asked, filled(await idp.respond(asked, { sign: 'both' })));
    const [ownBefore, allBefore] = [process.threadCpuUsage(), process.cpuUsage()];
    const landing = await submit(form);
    const [own, all] = [process.threadCpuUsage(ownBefore), process.cpuUsage(allBefore)];
    await expectRefusal(landing, asked, /signature is not right/);
    expect(own.user).toBeLessThan(all.user / 2);
  });

  test('no field at all', async () => {
    const asked = await begin(plainId);
    const landing = await submit({ action: asked.acs, fields: { RelayState: asked.relayState } });
    await expectRefusal(landing, asked, /response/);
  });

  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };

  test('ten megabytes are not read, and end nothing', async () => {
    const asked = await begin(plainId);
    const padded = await idp.respond(asked, { attributes: { pad: 'x'.repeat(10 * 1024 * 1024) } });
    const body = new URLSearchParams(formOf(asked, padded).fields);
    const status = await fetch(asked.acs, { method: 'POST', body, redirect: 'manual' }).then(
      (answer) => answer.status,
      () => 'closed',
    );
    expect([413, 'closed']).toContain(status);
    const large = await fetch(asked.acs, { method: 'POST', body: `SAMLResponse=${'x'.repeat(513 * 1024)}`, headers: urlencoded });
    expect({ status: large.status, said: await large.text() }).toMatchObject({
      status: 413,
      said: expect.stringContaining('This sign-in did not work'),
    });
    expectSuccess(await submit(formOf(asked, await idp.respond(asked))));
  });

  test('no line of the log holds an assertion', async () => {
    const { log } = server.app;
    const stream: { write: (line: string) => void } = Reflect.get(log, pino.symbols.streamSym);
    const [write, level] = [stream.write, log.level];
    onTestFinished(() => {
      stream.write = write;
      log.level = level;
    });
    const lines: string[] = [];
    stream.write = (line) => lines.push(line);
    log.level = 'trace';
    await tell();
    await tell({ sign: 'nothing' });
    await tell({}, (xml) => xml.replace(person.nameId, 'eve@id.example.net'));
    await tell({}, (xml) => xml.replace('</saml:NameID>', '</saml:NameId>'));
    await tell({ audience: 'https://other.example' });
    const written = lines.join('');
    expect(written).toContain('a sign-in at a provider failed');
    expect(written).not.toMatch(/example\.net|SAMLResponse|saml:|NameI|Lovelace|PHNhbWxw/);
  });
});

describe('signed requests', () => {
  const signing = { withSignedRequest: true } as const;
  const metadataOf = async (id: string) => (await fetch(`${server.url}/idps/${id}/saml/metadata`)).text();
  const certificateIn = (xml: string) =>
    new X509Certificate(Buffer.from(/<ds:X509Certificate>([^<]*)</.exec(xml)?.[1] ?? '', 'base64'));

  const bindings = { redirect: SAMLBinding.SAML_BINDING_REDIRECT, form: SAMLBinding.SAML_BINDING_POST } as const;
  /** Two that sign, each with a key of its own. */
  let [id, other] = ['', ''];

  beforeAll(async () => {
    [id, other] = [await addSaml(signing), await addSaml(signing)];
  });

  test.each(['redirect', 'form'] as const)('the provider verifies them: %s', async (by) => {
    const provider = await startSamlProvider(idp.key);
    const metadata = { case: 'metadataUrl', value: `${provider.origin}/metadata` } as const;
    const binding = bindings[by];
    const { admin } = server.as();
    for (const each of [id, other]) await admin.updateSAMLProvider({ id: each, name: by, binding, metadata, ...signing });
    provider.trusted = certificateIn(await metadataOf(id)).toString();
    const asked = await begin(id);
    expect(asked.by).toBe(by);
    expectSuccess(await submit(await signIn(asked)));
    const unsigned = await addSaml({ binding, metadata });
    await expect(signIn(await begin(other))).rejects.toThrow(/Signature check|does not match/);
    await expect(signIn(await begin(unsigned))).rejects.toThrow(/MUST be signed/);
  });

  test('the certificate is our own, for ten years, and an update keeps it', async () => {
    const certificate = certificateIn(await metadataOf(id));
    const now = server.app.clock();
    expect(certificate.subject).toBe(`CN=${new URL(server.url).hostname}`);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(now.getUTCFullYear() + 10);
    const metadata = xmlMetadata(await ownMetadata());
    await server.as().admin.updateSAMLProvider({ id, name: 'Unsigned', metadata });
    expect(await metadataOf(id)).not.toContain('X509Certificate');
    await server.as().admin.updateSAMLProvider({ id, name: 'Signed', metadata, ...signing });
    expect(certificateIn(await metadataOf(id)).fingerprint256).toBe(certificate.fingerprint256);
  });

  test('the key leaves by no answer, and lies sealed', async () => {
    const { idp: read } = await server.as().admin.getProviderByID({ id });
    expect(JSON.stringify(read, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('PRIVATE');
    const [row] = await server.sql`select secret, config from identity_providers where id = ${id}`;
    expect(row?.secret.toString('latin1')).not.toContain('PRIVATE');
    expect(JSON.stringify(row?.config)).not.toContain('PRIVATE');
  });
});

describe('our metadata', () => {
  const at = (id: string) => `${server.url}/idps/${id}/saml/metadata`;

  test('name us, our place, and what we want', async () => {
    const id = await addSaml();
    const answer = await fetch(at(id));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/samlmetadata+xml; charset=utf-8');
    const entity = readXml(await answer.text(), 100);
    expect(entity.attributes.get('entityID')).toBe(at(id));
    const descriptor = onlyChild(entity, namespaces.metadata, 'SPSSODescriptor');
    expect(descriptor?.attributes.get('WantAssertionsSigned')).toBe('true');
    expect(descriptor?.attributes.get('AuthnRequestsSigned')).toBe('false');
    const [acs, ...more] = childrenOf(descriptor, namespaces.metadata, 'AssertionConsumerService');
    expect(more).toEqual([]);
    expect(acs?.attributes.get('Location')).toBe(`${server.url}/idps/${id}/saml/acs`);
    expect(acs?.attributes.get('Binding')).toBe('urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST');
    expect(childrenOf(descriptor, namespaces.metadata, 'KeyDescriptor')).toEqual([]);
  });

  test('also of an organization, and of nobody else', async () => {
    const organizationId = await createOrganization(server);
    const { management } = server.as(server.token, { headers: { 'x-zitadel-orgid': organizationId } });
    const { id } = await management.addSAMLProvider({ name: 'Own', metadata: xmlMetadata(await ownMetadata()) });
    expect((await fetch(at(id))).status).toBe(200);
    expectSuccess(await submit(await signIn(await begin(id))));
    const other = await createProvider(server);
    for (const unknown of ['1', other, '%00', "'"]) expect((await fetch(at(unknown))).status).toBe(404);
    expect((await fetch(at(id), { method: 'POST' })).status).toBe(405);
  });
});

describe('a provider that is added', () => {
  const refusalOf = async (settings: Settings) => {
    const added = () => addSaml(settings);
    return [await outcome(added()), ...(await brokenFields(added()))];
  };
  const invalid = (field: string) => ['InvalidArgument PROVIDER_METADATA_INVALID', field];

  test('is as it was told, with the document that was fetched', async () => {
    const organizationId = await homeOf(server);
    const { management } = server.as(server.token, { headers: { 'x-zitadel-orgid': organizationId } });
    const { id } = await management.addSAMLProvider({
      name: 'Told',
      metadata: { case: 'metadataUrl', value: `${idp.origin}/metadata` },
      binding: SAMLBinding.SAML_BINDING_POST,
      withSignedRequest: true,
      nameIdFormat: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_TRANSIENT,
      transientMappingAttributeName: 'employee',
      signatureAlgorithm: SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA512,
    });
    const { idp: read } = await management.getProviderByID({ id });
    if (read?.config?.config.case !== 'saml') throw new Error('it is none of SAML');
    const { metadataXml, ...config } = read.config.config.value;
    expect(Buffer.from(metadataXml).toString()).toBe(await ownMetadata());
    expect(config).toMatchObject({
      binding: SAMLBinding.SAML_BINDING_POST,
      withSignedRequest: true,
      nameIdFormat: SAMLNameIDFormat.SAML_NAME_ID_FORMAT_TRANSIENT,
      transientMappingAttributeName: 'employee',
      signatureAlgorithm: SAMLSignatureAlgorithm.SAML_SIGNATURE_RSA_SHA512,
    });
    expect((await begin(id)).xml).toContain('rsa-sha512');
  });

  test.each<[string, (xml: string) => string]>([
    ['nothing', () => ''],
    ['no XML', () => 'metadata'],
    ['a document type', (xml) => `<!DOCTYPE EntityDescriptor [<!ENTITY x SYSTEM "file:///etc/passwd">]>${xml}`],
    ['something else', () => '<html xmlns="http://www.w3.org/1999/xhtml"/>'],
    ['a service provider', (xml) => xml.replaceAll('IDPSSODescriptor', 'SPSSODescriptor')],
    ['no name', (xml) => xml.replace(/entityID="[^"]*"/, '')],
    ['no namespace', (xml) => xml.replace(/ xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/, '')],
    [
      'two providers',
      (xml) => `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${xml}${xml}</EntitiesDescriptor>`,
    ],
    ['no certificate', (xml) => xml.replace(/<KeyDescriptor.*<\/KeyDescriptor>/s, '')],
    ['a certificate for encryption only', (xml) => xml.replace('use="signing"', 'use="encryption"')],
    [
      'a broken certificate',
      (xml) => xml.replace(/<X509Certificate>.*<\/X509Certificate>/s, '<X509Certificate>MIIB</X509Certificate>'),
    ],
    ['no sign-on', (xml) => xml.replaceAll(/<SingleSignOnService[^>]*>/g, '')],
    ['sign-on by a script', (xml) => xml.replaceAll(/Location="[^"]*\/sso"/g, 'Location="javascript:alert(1)"')],
    ['what has expired', (xml) => xml.replace('<EntityDescriptor ', '<EntityDescriptor validUntil="2020-01-01T00:00:00Z" ')],
  ])('not with metadata of %s', async (_name, change) => {
    const metadata = xmlMetadata(change(await ownMetadata()));
    expect(await refusalOf({ metadata })).toEqual(invalid('metadata_xml'));
  });

  test('one provider within a list, and one by one binding', async () => {
    const xml = await ownMetadata();
    const list = `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${xml}</EntitiesDescriptor>`;
    await addSaml({ metadata: xmlMetadata(list) });
    const byPost = xmlMetadata(xml.replace(/<SingleSignOnService [^>]*HTTP-Redirect[^>]*>/, ''));
    expect((await begin(await addSaml({ metadata: byPost }))).by).toBe('form');
    const redirect = { metadata: byPost, binding: SAMLBinding.SAML_BINDING_REDIRECT };
    expect(await refusalOf(redirect)).toEqual(invalid('metadata_xml'));
    const artifact = { binding: SAMLBinding.SAML_BINDING_ARTIFACT };
    expect(await refusalOf(artifact)).toEqual(['InvalidArgument PROVIDER_BINDING_UNSUPPORTED', 'binding']);
  });

  test('not in another encoding', async () => {
    const value = new Uint8Array(Buffer.from(`\ufeff${await ownMetadata()}`, 'utf16le'));
    expect(await refusalOf({ metadata: { case: 'metadataXml', value } })).toEqual(invalid('metadata_xml'));
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['not found', (response) => response.writeHead(404).end()],
    ['elsewhere', (response) => response.writeHead(302, { location: `${idp.origin}/metadata` }).end()],
    ['too large', (response) => response.end(`<a>${'x'.repeat(500_000)}</a>`)],
    ['far too large', (response) => response.end('x'.repeat(3_000_000))],
    ['cut off', (response) => response.destroy()],
    ['no metadata', (response) => response.end('<!doctype html><p>Hello')],
  ])('not from a URL where they are %s', async (_name, instead) => {
    onTestFinished(() => {
      idp.metadataInstead = undefined;
    });
    idp.metadataInstead = instead;
    expect(await refusalOf({})).toEqual(invalid('metadata_url'));
  });

  test('not from where this server may not go', async () => {
    for (const value of ['http://169.254.169.254/metadata', 'http://10.0.0.1/', 'https://[::1]/']) {
      expect(await refusalOf({ metadata: { case: 'metadataUrl', value } })).toEqual(invalid('metadata_url'));
    }
    for (const value of ['', 'metadata', 'file:///etc/passwd', 'https://user@idp.example.com/']) {
      const refused = await refusalOf({ metadata: { case: 'metadataUrl', value } });
      expect(refused).toEqual(['InvalidArgument PROVIDER_URL_INVALID', 'metadata_url']);
    }
  });

  test('an update of another type, or of nobody, is none', async () => {
    const metadata = xmlMetadata(await ownMetadata());
    for (const id of [await createProvider(server), '1']) {
      const update = server.as().admin.updateSAMLProvider({ id, name: 'Other', metadata });
      expect(await outcome(update)).toBe('NotFound PROVIDER_NOT_FOUND');
    }
  });
});
