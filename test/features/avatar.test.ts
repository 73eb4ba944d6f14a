import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  actAs,
  createHuman,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  readHuman,
} from '../support/actors.ts';
import { exchange } from '../support/edge.ts';
import { outcome } from '../support/errors.ts';
import { addSession, proven } from '../support/isolation/sessions.ts';
import { sessionTokenOf } from '../support/isolation/values.ts';
import {
  animatedPng,
  animatedWebp,
  chunk,
  dearestPng,
  look,
  noise,
  plain,
  pngBomb,
  red,
  twoHalves,
  withChunks,
} from '../support/pictures.ts';
import { startServer, type TestServer } from '../support/server.ts';

const maximumBytes = 512 * 1024;
const origin = 'https://app.example.com';
const [jpeg, png, webp] = ['image/jpeg', 'image/png', 'image/webp'];

let server: TestServer;
let organizationId: string;
/** Whom avatars are given to, and a small one. */
let userId: string;
let small: Buffer;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_CORS_ORIGINS: origin } });
  organizationId = await createOrganization(server);
  userId = await createHuman(server, { organizationId });
  small = await plain(1, 1).png().toBuffer();
});

interface Upload {
  user?: string;
  token?: string;
  type?: string | undefined;
  body: Buffer | ReadableStream;
  headers?: Record<string, string>;
  method?: string;
}

const pathOf = (user: string) => `/assets/v1/users/${encodeURIComponent(user)}/avatar`;

const put = ({ user = userId, token = server.token, type = png, body, headers = {}, method = 'PUT' }: Upload) =>
  fetch(server.address + pathOf(user), {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(type && { 'content-type': type }), ...headers },
    ...(method === 'PUT' && { body: body instanceof Buffer ? new Uint8Array(body) : body, duplex: 'half' }),
  });

async function tell(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  if (response.ok) return String(response.status);
  const { details }: { details: { debug: { reason?: string } }[] } = JSON.parse(await response.text());
  return `${response.status} ${details.find(({ debug }) => debug.reason)?.debug.reason}`;
}

const urlOf = async (user = userId) => (await readHuman(server, user)).profile.avatarUrl;

/** The stored picture of a URL, asked from the server at hand. */
const show = (url: string, headers: Record<string, string> = {}) => fetch(server.address + new URL(url).pathname, { headers });

async function stored(upload: Upload): Promise<Buffer> {
  expect(await tell(put(upload))).toBe('200');
  return Buffer.from(await (await show(await urlOf())).arrayBuffer());
}

const eventsOf = async (user: string) =>
  (await server.sql<{ type: string }[]>`select type from user_events where user_id = ${user} order by sequence`).map(
    ({ type }) => type,
  );

describe('an upload', () => {
  test.each([
    ['a JPEG', jpeg, () => plain(700, 350).jpeg().toBuffer()],
    ['a progressive JPEG in CMYK', jpeg, () => plain(700, 350).toColourspace('cmyk').jpeg({ progressive: true }).toBuffer()],
    ['a PNG', png, () => plain(700, 350).png().toBuffer()],
    ['a PNG of 16 bits with a palette beside it', png, () => plain(700, 350).toColourspace('rgb16').png().toBuffer()],
    ['a WebP', webp, () => plain(700, 350).webp().toBuffer()],
  ])('of %s is shown as WebP in sRGB, not larger than 512 pixels', async (_, type, make) => {
    const seen = await look(await stored({ type, body: await make() }));
    expect(seen).toEqual({
      width: 512,
      height: 256,
      format: 'webp',
      pages: 1,
      space: 'srgb',
      kept: [],
      top: 'red',
      bottom: 'red',
    });
  });

  test('of one pixel stays that small', async () => {
    expect(await look(await stored({ body: small }))).toMatchObject({ width: 1, height: 1 });
  });

  test.each([
    ['PNG', png, animatedPng],
    ['WebP', webp, animatedWebp],
  ])('of an animated %s keeps the first picture', async (_, type, make) => {
    expect(await look(await stored({ type, body: await make() }))).toMatchObject({ width: 8, height: 8, pages: 1, top: 'red' });
  });

  test('is turned as EXIF says, and loses what it says of the place', async () => {
    const exif = { IFD0: { Artist: 'SECRET-NAME' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '47/1 22/1 0/1' } };
    const body = await twoHalves().withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(body.includes('SECRET-NAME')).toBe(true);
    const avatar = await stored({ type: jpeg, body });
    expect(avatar.includes('SECRET') || avatar.includes('EXIF')).toBe(false);
    expect(await look(avatar)).toMatchObject({ width: 20, height: 40, top: 'red', bottom: 'blue', kept: [] });
  });

  test('brings nothing along but pixels: scripts before and behind them are gone', async () => {
    const script = Buffer.from('<script>alert(1)</script>');
    const commented = withChunks(
      await plain(8, 8).png().toBuffer(),
      chunk('tEXt', Buffer.concat([Buffer.from('Comment\0'), script])),
    );
    const avatar = await stored({ body: Buffer.concat([commented, script]) });
    expect(avatar.includes('script')).toBe(false);
  });

  test('without a length works, as one over HTTP/2 does', async () => {
    expect(await tell(put({ body: new Blob([new Uint8Array(small)]).stream() }))).toBe('200');
    const session = connect(server.address);
    const headers = { ':method': 'PUT', ':path': pathOf(userId), 'content-type': png, authorization: `Bearer ${server.token}` };
    const stream = session.request(headers);
    stream.end(small);
    expect(JSON.parse(await text(stream))).toEqual({ avatarUrl: await urlOf() });
    session.close();
  });
});

describe('refused is', () => {
  const over = Buffer.alloc(maximumBytes + 1);
  const half = (picture: Buffer) => picture.subarray(0, picture.length / 2);
  const gif = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAA=', 'base64');
  const wrong = '415 AVATAR_TYPE_WRONG';
  const unreadable = '400 AVATAR_UNREADABLE';
  const comment = () => chunk('tEXt', Buffer.from('Comment\0of a picture', 'latin1'));
  test.each<[string, string, () => Buffer | ReadableStream | Promise<Buffer>, string]>([
    ['a byte too many', '413 AVATAR_TOO_LARGE', () => over, png],
    ['a byte too many without a length', '413 AVATAR_TOO_LARGE', () => new Blob([new Uint8Array(over)]).stream(), png],
    ['a bomb of a PNG', '400 AVATAR_PIXELS_TOO_MANY', () => pngBomb(), png],
    ['a pixel too many', '400 AVATAR_PIXELS_TOO_MANY', () => plain(4097, 4096).webp({ effort: 0 }).toBuffer(), webp],
    ['a side that is too long', '400 AVATAR_PIXELS_TOO_MANY', () => plain(8193, 1).png().toBuffer(), png],
    ['a JPEG that was cut', unreadable, async () => half(await noise(99, 99).jpeg().toBuffer()), jpeg],
    ['a JPEG without its last byte', unreadable, async () => (await noise(99, 99).jpeg().toBuffer()).subarray(0, -2), jpeg],
    ['a PNG that was cut', unreadable, async () => half(await noise(99, 99).png().toBuffer()), png],
    ['a PNG without its last byte', unreadable, async () => small.subarray(0, -1), png],
    ['a WebP that was cut', unreadable, async () => half(await noise(99, 99).webp().toBuffer()), webp],
    ['a WebP without its last byte', unreadable, async () => (await noise(99, 99).webp().toBuffer()).subarray(0, -1), webp],
    ['a PNG in which a chunk is cut', unreadable, () => withChunks(small, comment().subarray(0, -9)), png],
    ['the beginning of a PNG before markup', unreadable, () => Buffer.concat([small.subarray(0, 8), Buffer.from('<svg/>')]), png],
    ['SVG as PNG', wrong, () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), png],
    ['HTML as PNG', wrong, () => Buffer.from('<!doctype html><script>alert(1)</script>'), png],
    ['GIF as PNG', wrong, () => gif, png],
    ['JPEG as PNG', wrong, () => plain(9, 9).jpeg().toBuffer(), png],
    ['a RIFF that is no WebP', wrong, () => Buffer.from('RIFF____WAVE'), webp],
    ['a script that calls itself GIF', wrong, () => Buffer.from('GIF89a/*...*/=alert(1)'), jpeg],
    ['nothing', wrong, () => Buffer.alloc(0), png],
    ['GIF', '415 AVATAR_TYPE_UNSUPPORTED', () => gif, 'image/gif'],
    ['SVG', '415 AVATAR_TYPE_UNSUPPORTED', () => small, 'image/svg+xml'],
    ['a form', '415 AVATAR_TYPE_UNSUPPORTED', () => small, 'multipart/form-data; boundary=x'],
    ['what does not say what it is', '415 AVATAR_TYPE_UNSUPPORTED', () => small, ''],
  ])('%s: %s', async (_, refused, make, type) => {
    const before = await urlOf();
    expect(await tell(put({ type, body: await make() }))).toBe(refused);
    expect(await urlOf()).toBe(before);
  });

  test('what is packed', async () => {
    expect(await tell(put({ body: small, headers: { 'content-encoding': 'gzip' } }))).toBe('415 AVATAR_TYPE_UNSUPPORTED');
  });

  test('what does not come in time, and the server serves on', async () => {
    const impatient = await startServer({ beside: server, env: { ROSTER_MAX_TIMEOUT: '1s' } });
    const head = `PUT ${pathOf(userId)} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${server.token}\r\nContent-Type: image/png\r\n`;
    const answer = await exchange(impatient.port, `${head}Content-Length: 1000\r\n\r\nslowly`);
    expect(answer).toMatch(/^HTTP\/1.1 408 [\s\S]*"reason":"DEADLINE_EXCEEDED"/);
    expect(await tell(put({ body: small }))).toBe('200');
  });

  test('any other path or method', async () => {
    const asked = async (path: string, method: string) =>
      (await fetch(server.address + path, { method, headers: { authorization: `Bearer ${server.token}` } })).status;
    expect(await asked(pathOf(userId), 'GET')).toBe(405);
    expect(await asked(new URL(await urlOf()).pathname, 'DELETE')).toBe(405);
    expect(await asked('/assets/v1/', 'GET')).toBe(404);
    expect(await asked('/assets/v1/users/avatar', 'PUT')).toBe(404);
    expect(await asked('/assets/v1/avatars/..%2f..%2fadmin.pat', 'GET')).toBe(404);
    expect(await asked('/assets/v1/avatars/', 'GET')).toBe(404);
  });
});

describe('who may', () => {
  test('himself with a token or a session, and administrators; nobody else, nor anybody for a machine', async () => {
    const other = await createOrganization(server);
    const [self, stranger] = [await actAs(server, userId), await createStranger(server)];
    const session = await addSession(server, `${userId}-here`, { user_id: userId, organization_id: organizationId, ...proven });
    const unproven = await addSession(server, `${userId}-new`, { user_id: userId, organization_id: organizationId });
    const machine = await createMachine(server, { organizationId });
    const managerOf = async (role: string, where: string) => (await createManager(server, [role], where)).token;
    const cases: [string, string, string, string][] = [
      ['himself', self.token, userId, '200'],
      ['himself in a session', sessionTokenOf(session), userId, '200'],
      ['himself in a session without proof', sessionTokenOf(unproven), userId, '403 SESSION_UNPROVEN'],
      ['a manager', await managerOf('ORG_USER_MANAGER', organizationId), userId, '200'],
      ['a viewer', await managerOf('ORG_OWNER_VIEWER', organizationId), userId, '403 PERMISSION_DENIED'],
      ["another organization's owner", await managerOf('ORG_OWNER', other), userId, '404 USER_NOT_FOUND'],
      ['a stranger', stranger.token, userId, '404 USER_NOT_FOUND'],
      ['the owner, for nobody', server.token, 'nobody', '404 USER_NOT_FOUND'],
      ['the owner, for what is no id', server.token, 'a\0b', '404 USER_NOT_FOUND'],
      ['the owner, for a machine', server.token, machine, '404 USER_NOT_FOUND'],
      ['nobody', '', userId, '401 UNAUTHENTICATED'],
      ['a wrong token', 'roster_pat_wrong', userId, '401 UNAUTHENTICATED'],
    ];
    for (const [who, token, user, told] of cases) {
      expect([who, await tell(put({ user, token, body: small }))]).toEqual([who, told]);
      const removed = told === '200' ? '204' : told;
      expect([who, await tell(put({ user, token, body: small, method: 'DELETE' }))]).toEqual([who, removed]);
    }
  });

  test('is asked before anything is read: an upload that never comes is refused at once', async () => {
    const { token } = await createStranger(server);
    const head = `PUT ${pathOf(userId)} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n`;
    const tried = (sent: string) => exchange(server.port, `${head}Authorization: Bearer ${sent}\r\n\r\n`);
    const [unknown, foreign] = await Promise.all([tried('wrong'), tried(token)]);
    expect(unknown).toMatch(/^HTTP\/1.1 401 [\s\S]*connection: close/);
    expect(foreign).toMatch(/^HTTP\/1.1 404 [\s\S]*connection: close/);
  });
});

describe('the URL', () => {
  test('begins with the public URL, whatever host the request names, and stands wherever the person does', async () => {
    const asked = httpRequest(server.address + pathOf(userId), {
      method: 'PUT',
      headers: {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'content-type': png,
        authorization: `Bearer ${server.token}`,
      },
    });
    asked.end(small);
    const body = await new Promise<string>((resolve, reject) => {
      asked.on('response', (response) => void text(response).then(resolve, reject)).on('error', reject);
    });
    const { avatarUrl }: { avatarUrl: string } = JSON.parse(body);
    expect(avatarUrl).toMatch(/^https:\/\/roster\.example\.com\/assets\/v1\/avatars\/[\w-]{22}$/);

    const { users } = server.as();
    server.statements();
    const { user } = await users.getUserByID({ userId });
    expect(server.statements()).toHaveLength(1);
    expect(user?.type).toMatchObject({ value: { profile: { avatarUrl } } });
    const { result } = await users.listUsers({ queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } }] });
    expect(result[0]?.type).toMatchObject({ value: { profile: { avatarUrl } } });
    expect(server.statements().filter((statement) => /from "avatars"/.test(statement))).toEqual([]);

    const chosen = server.as(server.token, { headers: { 'x-zitadel-orgid': organizationId } }).management;
    await chosen.addOrgMember({ userId, roles: ['ORG_OWNER_VIEWER'] });
    const shown = (await chosen.listOrgMembers({})).result.filter((member) => member.avatarUrl !== '');
    expect(shown).toMatchObject([{ userId, avatarUrl }]);
    await chosen.removeOrgMember({ userId });
  });

  test('shows the picture to anybody, as nothing but a picture, and is kept by browsers', async () => {
    expect(await tell(put({ body: small }))).toBe('200');
    const url = await urlOf();
    const { status, headers } = await show(url);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/webp',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'private, max-age=86400, immutable',
    });
    const etag = headers.get('etag') ?? '';
    expect((await show(url, { 'if-none-match': etag })).status).toBe(304);
    const head = await fetch(server.address + new URL(url).pathname, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      headers.get('content-length'),
      '',
    ]);
  });

  test('is another one for each upload: the one before shows nothing, and who reads meanwhile gets all or nothing', async () => {
    const before = await stored({ body: await noise(400, 400).png().toBuffer() });
    const url = await urlOf();
    const read = async () => {
      const response = await show(url);
      return response.status === 404 ? 'gone' : Buffer.from(await response.arrayBuffer()).equals(before) ? 'whole' : 'else';
    };
    const reads: string[] = [];
    const replacing = tell(put({ body: small }));
    while (reads.at(-1) !== 'gone') reads.push(await read());
    expect(await replacing).toBe('200');
    expect(new Set(reads)).toEqual(new Set(['whole', 'gone']));
    expect(await urlOf()).not.toBe(url);
  });

  test('may be made by scripts of allowed origins', async () => {
    const uploaded = await put({ body: small, headers: { origin } });
    expect(uploaded.headers.get('access-control-allow-origin')).toBe(origin);
    const asked = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } };
    const preflight = await fetch(server.address + pathOf(userId), asked);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT');
  });
});

describe('RemoveHumanAvatar', () => {
  test.each(['grpc', 'connect', 'connect-json'] as const)(
    'over %s removes it; a second time there is nothing to do',
    async (protocol) => {
      const user = await createHuman(server, { organizationId });
      expect(await tell(put({ user, body: small }))).toBe('200');
      const url = await urlOf(user);
      const { management } = server.as(server.token, { protocol, headers: { 'x-zitadel-orgid': organizationId } });
      const { details } = await management.removeHumanAvatar({ userId: user });
      expect(details).toMatchObject({
        resourceOwner: organizationId,
        sequence: (await readHuman(server, user)).details.sequence,
      });
      expect([await urlOf(user), (await show(url)).status]).toEqual(['', 404]);
      expect(await outcome(management.removeHumanAvatar({ userId: user }))).toBe('ok');
      expect((await eventsOf(user)).slice(-2)).toEqual(['avatar.changed', 'avatar.removed']);
    },
  );

  test('needs the permission in the organization that the call names, also for oneself', async () => {
    const self = await actAs(server, userId);
    expect(await outcome(self.management.removeHumanAvatar({ userId }))).toBe('NotFound ORGANIZATION_NOT_FOUND');
    expect(await outcome(server.as().management.removeHumanAvatar({ userId }))).toBe('NotFound USER_NOT_FOUND');
    const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    expect(await outcome(manager.management.removeHumanAvatar({ userId }))).toBe('ok');
    const machine = await createMachine(server, { organizationId });
    expect(await outcome(manager.management.removeHumanAvatar({ userId: machine }))).toBe('NotFound USER_NOT_FOUND');
  });
});

test('a deleted user takes the avatar along, and whoever gets the id later has none', async () => {
  const user = await createHuman(server, { organizationId });
  expect(await tell(put({ user, body: small }))).toBe('200');
  const url = await urlOf(user);
  await server.as().users.deleteUser({ userId: user });
  expect((await show(url)).status).toBe(404);
  expect(await server.sql`select from avatars where user_id = ${user}`).toHaveLength(0);
  await createHuman(server, { organizationId, userId: user });
  expect(await urlOf(user)).toBe('');
});

/** The processes that decode pictures for this one. */
function decoders(): number[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.filter((pid) => commandOf(pid).includes('decoder.ts')).map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe.runIf(process.platform === 'linux')('decoding', () => {
  const dearest = dearestPng();

  test('is done for one picture at a time however many come; those behind the queue are told to come again', async () => {
    const before = (await eventsOf(userId)).length;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, decoders().length);
    }, 20);
    const answers = await Promise.all(Array.from({ length: 28 }, () => put({ body: small })));
    clearInterval(watch);
    expect(most).toBe(1);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual(Array(3).fill([429, '2']));
    expect((await eventsOf(userId)).length - before).toBe(25);
    expect((await show(await urlOf())).status).toBe(200);
  });

  test('that ends its process refuses the picture, and nothing else', async () => {
    const told = tell(put({ body: dearest }));
    let [pid] = decoders();
    for (; pid === undefined; [pid] = decoders()) await wait(5);
    execFileSync('kill', ['-SEGV', String(pid)]);
    expect(await told).toBe('400 AVATAR_UNREADABLE');
    expect(await look(await stored({ body: await plain(3, 3, red).png().toBuffer() }))).toMatchObject({ width: 3 });
  });

  test('hands nothing of the service to the process, which has the time for the dearest picture there is', async () => {
    const told = tell(put({ body: dearest }));
    let [pid] = decoders();
    for (; pid === undefined; [pid] = decoders()) await wait(5);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    expect(await told).toBe('200');
  });
});
