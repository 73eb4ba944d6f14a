// Nobody proves an address to himself (CVE-2026-27946, CVE-2026-54693): every choice that shows the caller a code, or takes
// an address as verified without one, is found in the definitions; a new one is tested without a word here.
import { type DescMessage, type DescMethod, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { channels } from '../../src/kernel/outbox/message.ts';
import { accessOf } from '../../src/server/access.ts';
import { services } from '../../src/server/routes.ts';
import { createHuman, createMachine, createOrganization, grant, leaveCode, tokenFor, unique } from '../support/actors.ts';
import { allFormsOf, valuesOf } from '../support/isolation/allForms.ts';
import { filled } from '../support/isolation/choices.ts';
import type { Form } from '../support/isolation/forms.ts';
import { idPlaces, withId } from '../support/isolation/ids.ts';
import { pathOf } from '../support/isolation/matrix.ts';
import { type Memory, remember } from '../support/isolation/memory.ts';
import { addSession } from '../support/isolation/sessions.ts';
import { noParts } from '../support/isolation/values.ts';
import { openWire, outcomeOf, type Wire } from '../support/isolation/wire.ts';
import { epoch, startServer } from '../support/server.ts';

const choices: ReadonlySet<string> = new Set(['isVerified', 'returnCode', 'isEmailVerified', 'isPhoneVerified']);
const ownEmail = 'own@example.net';
const ownPhone = '+41446681800';

/** Where in the JSON of a request a choice can stand. */
function* placesOf(message: DescMessage, path: string[] = [], above: DescMessage[] = []): Generator<string> {
  if (above.includes(message)) return;
  for (const { jsonName, message: inner } of message.fields) {
    if (choices.has(jsonName)) yield [...path, jsonName].join('.');
    if (inner) yield* placesOf(inner, [...path, jsonName], [...above, message]);
  }
}

/** Where it stands in this one. */
const placesIn = (json: JsonObject): string[] =>
  [...choices].flatMap((name) =>
    [...valuesOf(json, name)].map(({ path }) => path.filter((step) => typeof step === 'string').join('.')),
  );

interface Offering {
  method: DescMethod;
  places: string[];
  forms: Form[];
}

const offering: Offering[] = services
  .flatMap(({ methods }) => methods)
  .filter((method) => accessOf(method))
  .map((method) => {
    const forms = [...allFormsOf(method.input)].filter(({ json }) => placesIn(json).length > 0);
    return { method, places: [...placesOf(method.input)], forms };
  })
  .filter(({ places }) => places.length > 0);

interface Self {
  id: string;
  organizationId: string;
  authorization: string;
}

let memory: Memory;
let wire: Wire;
let owner: string;
/** Without a role, and with the right to read his organization. */
let plain: Self;
let reader: Self;
/** Whose addresses are verified, and stand for him when he signs in. */
let proven: Self;

beforeAll(async () => {
  const server = await startServer();
  const organizationId = await createOrganization(server);
  const createSelf = async (): Promise<Self> => {
    const id = await createHuman(server, {
      organizationId,
      email: { email: ownEmail, verification: { case: 'isVerified', value: false } },
      username: unique('self'),
      phone: { phone: ownPhone },
    });
    await leaveCode(server, id, 'email', 'PENDIN');
    for (const channel of channels) {
      await server.sql`insert into otp_factors (user_id, channel, created_at) values (${id}, ${channel}, ${epoch})`;
    }
    await addSession(server, id, { user_id: id, organization_id: organizationId });
    return { id, organizationId, authorization: `Bearer ${await tokenFor(server, id)}` };
  };
  plain = await createSelf();
  reader = await createSelf();
  await grant(server, reader.id, ['ORG_OWNER_VIEWER'], organizationId);
  proven = await createSelf();
  await server.sql`update users set email_verified = true, phone_verified = true where id = ${proven.id}`;
  const master = await createMachine(server);
  await grant(server, master, ['IAM_OWNER']);
  owner = `Bearer ${await tokenFor(server, master)}`;
  await server.sql`delete from outbox`;
  memory = await remember(server.sql);
  wire = openWire(server.address);
});

afterAll(() => wire.close());

/** As JSON of this very person: his id in every place for a user, also for a new one. */
function about(self: Self, { method }: Offering, json: JsonObject, address: 'fresh' | 'own'): JsonObject {
  const access = accessOf(method) ?? { on: 'nothing' };
  const places = [...idPlaces(method.input, json)];
  const subject = {
    user: { id: self.id, parts: { ...noParts, session: self.id } },
    place: { id: self.organizationId, domain: '' },
  };
  const asked = filled(access, json, places, subject).json;
  const text = places
    .filter(({ kind, isNew }) => kind === 'user' && isNew && address === 'own')
    .reduce((request, { path }) => withId(request, path, self.id), asked);
  if (address === 'fresh') return text;
  return JSON.parse(JSON.stringify(text).replaceAll('fresh@example.net', ownEmail).replaceAll('+41791234567', ownPhone));
}

async function ask({ method }: Offering, json: JsonObject, authorization: string, organizationId: string): Promise<string> {
  const body = toBinary(method.input, fromJson(method.input, json));
  const headers = { authorization, 'x-zitadel-orgid': organizationId };
  return outcomeOf(await wire.send({ path: pathOf(method), headers, body }));
}

test('the calls that offer a choice are found, and with them every place of one', () => {
  expect(offering.map(({ method }) => method.name)).toEqual(
    expect.arrayContaining([
      ...['CreateUser', 'AddHumanUser', 'UpdateUser', 'UpdateHumanUser', 'SetEmail', 'ResendEmailCode', 'SendEmailCode'],
      ...['SetPhone', 'ResendPhoneCode', 'PasswordReset', 'CreateInviteCode', 'CreateSession', 'SetSession'],
      ...['ImportHumanUser', 'UpdateHumanEmail', 'UpdateHumanPhone'],
    ]),
  );
  for (const { method, places, forms } of offering) {
    const asked = new Set(forms.flatMap(({ json }) => placesIn(json)));
    expect(asked, method.name).toEqual(new Set(places));
  }
});

describe('somebody himself, without the right to write users, is refused and nothing is written', () => {
  test.each(offering.map((one) => [one.method.name, one] as const))('%s', async (_, one) => {
    const isOwn = accessOf(one.method)?.on === 'user';
    for (const { label, json } of one.forms) {
      for (const address of ['fresh', 'own'] as const) {
        for (const self of [plain, reader]) {
          const told = await ask(one, about(self, one, json, address), self.authorization, self.organizationId);
          const what = `${label}, ${address} address, ${self === plain ? 'without a role' : 'as reader'}`;
          // Who may not even read there is not told that there is such an organization.
          const refusal = isOwn
            ? 'permission_denied VERIFICATION_NOT_OWN'
            : self === reader
              ? /^permission_denied /
              : /^(permission_denied|not_found) /;
          expect(told, what).toMatch(refusal);
        }
      }
    }
    expect(await memory.undo()).toEqual([]);
  });
});

describe('who may write users, or sessions, gets through with each of these requests', () => {
  test.each(offering.map((one) => [one.method.name, one] as const))('%s', async (name, one) => {
    const [self, table] = name.endsWith('Session') ? [proven, 'public.sessions'] : [plain, 'public.users'];
    for (const { label, json } of one.forms) {
      expect(await ask(one, about(self, one, json, 'fresh'), owner, self.organizationId), label).toBe('ok');
      const changed = await memory.undo();
      expect(changed, label).toContain(table);
    }
  });
});
