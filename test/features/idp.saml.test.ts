// Sign-ins at SAML identity providers: against one that really runs, and against responses that somebody tampered with.
import { X509Certificate } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SAMLBinding, SAMLNameIDFormat } from '../../gen/zitadel/idp/v1/idp_pb.ts';
import type { AddSAMLProviderRequestSchema } from '../../gen/zitadel/management/v1/management_pb.ts';
import { type Plain, unique } from '../support/actors.ts';
import { failureUrl, start, successUrl } from '../support/journeys.ts';
import { attribute, tagsOf } from '../support/pages.ts';
import { type Asked, person, readRequest, type SamlProvider, startSamlProvider, type Told } from '../support/samlProvider.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let idp: SamlProvider;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
  idp = await startSamlProvider();
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
