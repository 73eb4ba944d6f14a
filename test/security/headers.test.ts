// No header decides where a link in a message leads (CVE-2023-49097, CVE-2025-64101 and their kin). The calls that send are
// found by making every request there is and looking into the outbox.
import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type DescMethod, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outbox } from '../../src/kernel/db/schema.ts';
import { TryLimits } from '../../src/kernel/networks.ts';
import { channels, type MessageKind } from '../../src/kernel/outbox/message.ts';
import { letterOf } from '../../src/kernel/outbox/outbox.ts';
import { render } from '../../src/kernel/outbox/render.ts';
import { accessOf } from '../../src/server/access.ts';
import { createHuman, createOrganization, leaveCode } from '../support/actors.ts';
import { allFormsOf } from '../support/isolation/allForms.ts';
import { filled } from '../support/isolation/choices.ts';
import { idPlaces } from '../support/isolation/ids.ts';
import { pathOf } from '../support/isolation/matrix.ts';
import { type Memory, remember } from '../support/isolation/memory.ts';
import { addSession } from '../support/isolation/sessions.ts';
import { noParts } from '../support/isolation/values.ts';
import { openWire, type Wire } from '../support/isolation/wire.ts';
import { served } from '../support/rawCalls.ts';
import { sending, sendingBefore } from '../support/sending.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const publicUrl = 'https://roster.example.com';
const evil = 'evil.example';

/** What proxies, frameworks and the software that we replace have believed. The first stands for `Host` and `:authority`. */
const hostile: Readonly<Record<string, string>> = {
  host: `${evil}:8443`,
  forwarded: `for=192.0.2.1;host=${evil};proto=http;by=${evil}`,
  'x-forwarded-host': evil,
  'x-forwarded-server': evil,
  'x-forwarded-proto': 'javascript',
  'x-forwarded-scheme': 'http',
  'x-forwarded-port': '8443',
  'x-forwarded-for': `${evil}, 192.0.2.1`,
  'x-forwarded-prefix': `//${evil}`,
  'x-original-host': evil,
  'x-original-url': `https://${evil}/`,
  'x-rewrite-url': `https://${evil}/`,
  'x-host': evil,
  'x-zitadel-forwarded': `host=${evil}`,
  'x-zitadel-forward-host': evil,
  'x-zitadel-public-host': evil,
  'x-zitadel-instance-host': evil,
  'x-zitadel-login-client': `https://${evil}/`,
  origin: `https://${evil}`,
  referer: `https://${evil}/login`,
};

let server: TestServer;
let wire: Wire;
let memory: Memory;
let place: { id: string; domain: string };
/**
 * Somebody who can be invited and has every code pending, somebody who signs in, with a password and verified addresses, and
 * somebody INITIAL.
 */
let people: string[];
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_MESSAGE_FILES: 'off' } });
  wire = openWire(server.address);
  const organizationId = await createOrganization(server);
  const email = { email: 'guest@example.net' };
  const guest = await createHuman(server, { organizationId, email, phone: { phone: '+41446681800' } });
  for (const purpose of ['email', 'phone', 'invite'] as const) await leaveCode(server, guest, purpose, 'PENDIN');
  await server.sql`insert into invites (user_id, mailed) values (${guest}, true)`;
  const password = { password: 'Passw0rd!' };
  const settled = await createHuman(server, {
    organizationId,
    userId: 'settled',
    username: 'settled',
    phone: { phone: '+41446681801', verification: { case: 'isVerified', value: true } },
    passwordType: { case: 'password', value: password },
  });
  for (const channel of channels) {
    await server.sql`insert into otp_factors (user_id, channel, created_at) values (${settled}, ${channel}, ${epoch})`;
  }
  const beginning = await createHuman(server, { organizationId });
  await server.sql`update users set state = 'initial' where id = ${beginning}`;
  for (const id of [guest, settled]) await addSession(server, id, { user_id: id, organization_id: organizationId });
  server.app.challengeLimits = new TryLimits(1000);
  await server.sql`delete from outbox`;
  place = { id: organizationId, domain: '' };
  people = [guest, settled, beginning];
  memory = await remember(server.sql);
});

afterAll(() => {
  wire.close();
  agent.destroy();
});

type Version = '1.1' | '2';

interface Asked {
  method: DescMethod;
  json: JsonObject;
  userId: string;
}

/** Makes a request with headers like these; returns the whole answer as text. */
async function ask({ method, json, userId }: Asked, { host, ...others }: Partial<typeof hostile>, version: Version) {
  const access = accessOf(method) ?? { on: 'nothing' };
  const asked = filled(access, json, [...idPlaces(method.input, json)], {
    user: { id: userId, parts: { ...noParts, session: userId, loginName: userId } },
    place,
  }).json;
  const body = toBinary(method.input, fromJson(method.input, asked));
  const headers = { authorization: `Bearer ${server.token}`, 'x-zitadel-orgid': place.id, ...others };
  if (version === '1.1') return askPlainly(pathOf(method), { ...headers, ...(host && { host }) }, body);
  const answer = await wire.send({
    path: pathOf(method),
    headers: { ...headers, ...(host && { ':authority': host, host }) },
    body,
  });
  return JSON.stringify([answer.headers, answer.body.toString('latin1')]);
}

function askPlainly(path: string, headers: Record<string, string | undefined>, body: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/proto', ...given } };
    const sent = request(`${server.address}${path}`, options, (response) => {
      buffer(response).then((bytes) => resolve(JSON.stringify([response.headers, bytes.toString('latin1')])), reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** What only reads leaves everything as it was. */
const changes = ({ name }: DescMethod): boolean => !/^(Get|List|Retrieve)/.test(name);

/** What leads nowhere unless the call says where to. */
const linkless: readonly MessageKind[] = ['password-changed', 'otp'];

/** What is wrong with the messages that wait, and of which kinds they are; they are gone then. */
async function take(): Promise<{ problems: string[]; kinds: string[] }> {
  const { app } = server;
  const rows = await app.db.delete(outbox).returning();
  const problems = rows.flatMap((row) => {
    const { message } = letterOf(app, row);
    const { subject, text, html } = render(app.settings, message, 'Organization', epoch);
    const links = `${text} ${html}`.match(/[a-z]+:\/\/[^\s"<>]+/gi) ?? [];
    const wanted = message.channel === 'email' && !linkless.includes(message.kind);
    const wrong = [subject, text, html, JSON.stringify(message)].some((part) => part.includes(evil));
    const away = links.filter((link) => !link.startsWith(`${publicUrl}/`));
    return wrong || away.length > 0 || (wanted && links.length === 0)
      ? [`${message.kind}: ${away} ${JSON.stringify(message)}`]
      : [];
  });
  return { problems, kinds: rows.map(({ kind }) => kind) };
}

/** Asks, and adds what is wrong with the answer and with what was sent. Returns the kinds of messages that were. */
async function attack(asked: Asked, headers: Partial<typeof hostile>, version: Version, problems: string[]): Promise<string[]> {
  const answer = await ask(asked, headers, version);
  const { problems: found, kinds } = await take();
  const told = answer.includes(evil) ? [`the answer: ${answer}`] : [];
  const which = `${asked.method.name} over HTTP/${version} with ${Object.keys(headers)}`;
  problems.push(...[...found, ...told].map((problem) => `${which}: ${problem}`));
  return kinds;
}

test('every link leads to the public URL, whatever the headers say, in all that any call sends', {
  timeout: 300_000,
}, async () => {
  const problems: string[] = [];
  const sends: Asked[] = [];
  const firstOf = new Map<string, Asked>();
  for (const [, method] of served) {
    for (const { json } of allFormsOf(method.input)) {
      for (const userId of people) {
        const asked = { method, json, userId };
        const kinds = await attack(asked, hostile, '2', problems);
        if (changes(method)) await memory.undo();
        if (kinds.length === 0) continue;
        sends.push(asked);
        for (const kind of kinds) if (!firstOf.has(kind)) firstOf.set(kind, asked);
        break;
      }
    }
  }
  expect(new Set(sends.map(({ method }) => method.name)), 'the calls that send').toEqual(
    new Set([...Object.keys(sending), ...Object.keys(sendingBefore)]),
  );
  for (const asked of sends) {
    const kinds = await attack(asked, hostile, '1.1', problems);
    await memory.undo();
    if (kinds.length === 0) problems.push(`${asked.method.name} sent nothing over HTTP/1.1`);
  }
  // Alone, each of them could count where together another one hides it.
  for (const asked of firstOf.values()) {
    for (const [name, value] of Object.entries(hostile)) {
      for (const version of ['1.1', '2'] as const) {
        const send = () => attack(asked, { [name]: value }, version, problems);
        if ((await send()).length > 0) continue;
        // It has been done already.
        await memory.undo();
        if ((await send()).length === 0) problems.push(`${asked.method.name} sent nothing with ${name} over HTTP/${version}`);
      }
    }
    await memory.undo();
  }
  expect(problems).toEqual([]);
});
