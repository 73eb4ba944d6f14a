// The lean path for unary calls, held against Connect's adapter: the same bytes to both, the same answers from both.
import { once } from 'node:events';
import { type ClientHttp2Session, constants } from 'node:http2';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { GetUserByIDRequestSchema } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import type { Listener } from '../../src/server/listen.ts';
import {
  askHttp1,
  askHttp2,
  listenBoth,
  origin,
  path,
  type Request,
  readMaxBytes,
  seen,
  sessionTo,
  type Told,
} from '../support/bothPaths.ts';
import { openSocket } from '../support/edge.ts';

let ports: { lean: Listener; connect: Listener };
let lean: ClientHttp2Session;
let connect: ClientHttp2Session;

beforeAll(async () => {
  ports = await listenBoth();
  lean = sessionTo(ports.lean);
  connect = sessionTo(ports.connect);
});

afterAll(async () => {
  lean.destroy();
  connect.destroy();
  await Promise.all([ports.lean.close(0), ports.connect.close(0)]);
});

beforeEach(() => {
  Object.assign(seen, { lean: 0, connect: 0, aborted: 0 });
});

const message = (userId: string) => Buffer.from(toBinary(GetUserByIDRequestSchema, create(GetUserByIDRequestSchema, { userId })));

function framed(content: Buffer, flags = 0, length = content.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, content]);
}

interface Form {
  name: string;
  type: string;
  of(userId: string): Buffer;
  versions: readonly (1 | 2)[];
}

const json = (userId: string) => Buffer.from(JSON.stringify({ userId }));
const grpc: Form = { name: 'gRPC', type: 'application/grpc', of: (id) => framed(message(id)), versions: [2] };
const web: Form = { name: 'gRPC-Web', type: 'application/grpc-web+proto', of: (id) => framed(message(id)), versions: [1, 2] };
const connectJson: Form = { name: 'Connect JSON', type: 'application/json', of: json, versions: [1, 2] };
const enveloped: readonly Form[] = [
  grpc,
  { name: 'gRPC JSON', type: 'application/grpc+json', of: (id) => framed(json(id)), versions: [2] },
  web,
  { name: 'gRPC-Web JSON', type: 'application/grpc-web+json', of: (id) => framed(json(id)), versions: [1, 2] },
];
const plain: readonly Form[] = [connectJson, { name: 'Connect', type: 'application/proto', of: message, versions: [1, 2] }];
const forms = [...enveloped, ...plain];

/** Asks both, over each version of HTTP, and returns what both said. */
async function ask({ type, versions }: Pick<Form, 'type' | 'versions'>, { headers, body }: Request): Promise<Told> {
  const request = { headers: { 'content-type': type, ...headers }, ...(body !== undefined && { body }) };
  const answers: Told[] = [];
  for (const version of versions) {
    const [ours, theirs] =
      version === 2
        ? await Promise.all([askHttp2(lean, request), askHttp2(connect, request)])
        : await Promise.all([askHttp1(ports.lean.port, request), askHttp1(ports.connect.port, request)]);
    expect(ours, `over HTTP/${version}`).toEqual(theirs);
    answers.push(ours);
  }
  const [answer] = answers;
  if (!answer) throw new Error('nobody was asked');
  return answer;
}

describe.each(forms)('$name', (form) => {
  const count = form.versions.length;

  test.each(['somebody', '', 'metadata', 'timeout', 'url', 'error', 'bug', 'long', 'long error'])(
    'an answer to "%s"',
    async (userId) => {
      await ask(form, { body: form.of(userId), headers: { 'x-question': ['a', 'b'], 'x-question-bin': 'AAEC', te: 'trailers' } });
      expect(seen).toMatchObject({ lean: count, connect: count });
    },
  );

  test.each(['gzip', 'br,gzip', 'identity', 'zstd', '', 'GZIP'])(
    'accepting %s, of a short and a long answer',
    async (accepted) => {
      const names = ['grpc-accept-encoding', 'accept-encoding'];
      const headers = Object.fromEntries(names.map((name) => [name, accepted.replace('br,', '')]));
      for (const userId of ['somebody', 'long', 'long error']) await ask(form, { body: form.of(userId), headers });
      expect(seen).toMatchObject({ lean: 3 * count, connect: 3 * count });
    },
  );

  test.each([origin, 'https://evil.example.com', 'null'])('for a script of %s', async (from) => {
    for (const userId of ['somebody', 'error']) {
      const { headers } = await ask(form, { body: form.of(userId), headers: { origin: from } });
      expect(headers).toMatchObject({ vary: 'Origin' });
      expect(headers['access-control-allow-origin']).toBe(from === origin ? origin : undefined);
    }
  });

  test('a stranger, whose body nobody reads', async () => {
    const { status } = await ask(form, { body: form.of('somebody'), headers: { 'x-stranger': 'yes' } });
    expect([status, seen.lean]).toEqual([plain.includes(form) ? 401 : 200, 0]);
  });

  test.each(['30S', '', '-1', '0', '0m', '999999999H', '1h', 'x', '12345678901', '5000', '100M'])(
    'a timeout of "%s"',
    async (timeout) => {
      const headers = { 'grpc-timeout': timeout, 'connect-timeout-ms': timeout };
      await ask(form, { body: form.of('timeout'), headers });
    },
  );

  test('a deadline that passes', async () => {
    const headers = { 'grpc-timeout': '20m', 'connect-timeout-ms': '20' };
    const { body, trailers } = await ask(form, { body: form.of('sleep'), headers });
    expect(body + String(trailers['grpc-message'])).toContain('DEADLINE_EXCEEDED');
    await vi.waitFor(() => expect(seen.aborted).toBe(seen.lean + seen.connect));
  });

  test.each([
    ['noise', Buffer.from('ffffffffffff', 'hex')],
    ['nothing', Buffer.alloc(0)],
    ['bad JSON', Buffer.from('{"userId":')],
    ['an unknown field', Buffer.from('{"userId":"x","shoeSize":42}')],
    ['half a message', message('somebody').subarray(0, 4)],
  ])('%s', async (_, content) => {
    await ask(form, { body: enveloped.includes(form) ? framed(content) : content });
    await ask(form, { body: content });
  });

  test('a message above the limit', async () => {
    const told = await ask(form, { body: form.of('x'.repeat(readMaxBytes)) });
    expect(told.body + String(told.trailers['grpc-message'])).toContain('MESSAGE_TOO_LARGE');
  });

  test('a compressed request', async () => {
    const content = form.type.endsWith('json') ? json('somebody') : message('somebody');
    const body = enveloped.includes(form) ? framed(gzipSync(content), 1) : gzipSync(content);
    for (const encoding of ['gzip', 'zstd', 'identity']) {
      await ask(form, { body, headers: { 'grpc-encoding': encoding, 'content-encoding': encoding } });
    }
  });

  test.each([{ 'connect-protocol-version': '2' }, { 'user-agent': 'a' }, { 'x-user-agent': 'b', 'x-grpc-web': '1' }])(
    'with %o',
    async (headers) => {
      await ask(form, { body: form.of('somebody'), headers });
    },
  );
});

describe.each(enveloped)('in envelopes: $name', (form) => {
  const content = form.of('somebody');

  test.each([
    ['no envelope', Buffer.alloc(0)],
    ['half a prefix', content.subarray(0, 3)],
    ['half an envelope', content.subarray(0, content.length - 1)],
    ['two messages', Buffer.concat([content, content])],
    ['something behind the message', Buffer.concat([content, Buffer.from('?')])],
    ['half a second message', Buffer.concat([content, content.subarray(0, 8)])],
    ['a second message above the limit', Buffer.concat([content, framed(Buffer.alloc(0), 0, readMaxBytes + 1)])],
    ['a length above the limit', framed(Buffer.alloc(0), 0, 0xffffffff)],
    ['a compressed message without a word on how', framed(content.subarray(5), 1)],
    ['unknown flags', framed(content.subarray(5), 0x10)],
  ])('%s', async (_, body) => {
    await ask(form, { body });
  });
});

test('trailers of gRPC-Web are passed over', async () => {
  const trailers = framed(Buffer.from('a: b\r\n'), 0x80);
  await ask(web, { body: Buffer.concat([web.of('somebody'), trailers]) });
  expect(seen.lean).toBe(2);
  await ask(web, { body: trailers });
  expect(seen.lean).toBe(2);
});

test.each(forms)('an answer above the limit, over $name, is told of with its reason', async ({ type, of }) => {
  const told = await askHttp2(lean, { headers: { 'content-type': type }, body: of('too long') });
  expect(told.body + String(told.trailers['grpc-message'])).toContain('MESSAGE_TOO_LARGE');
});

describe('left to Connect:', () => {
  const left = { lean: 0 };

  test.each([
    'application/grpc-web-text',
    'application/connect+json',
    'application/grpc+xml',
    'text/plain',
    'APPLICATION/JSON',
    'application/json;charset=utf8',
    'application/json; charset=latin1',
    '',
  ])('a content type of "%s"', async (type) => {
    await ask({ type, versions: [1, 2] }, { body: json('somebody') });
    expect(seen).toMatchObject(left);
  });

  test('gRPC over HTTP/1.1', async () => {
    await ask({ ...grpc, versions: [1] }, { body: grpc.of('somebody') });
    expect(seen).toMatchObject({ lean: 0, connect: 2 });
  });

  test.each(['GET', 'PUT', 'OPTIONS', 'DELETE'])('%s', async (method) => {
    await ask({ ...connectJson, versions: [2] }, { headers: { ':method': method } });
    expect(seen).toMatchObject(left);
  });

  test.each([`${path}?a=b`, `${path}/`, '/', '/zitadel.user.v2.UserService/NoSuchCall', '/nobody.Service/Call', `/${path}`])(
    'the path %s',
    async (other) => {
      await ask({ ...connectJson, versions: [2] }, { headers: { ':path': other }, body: json('somebody') });
      expect(seen).toMatchObject(left);
    },
  );

  test('an authority that makes no URL', async () => {
    expect((await ask({ ...connectJson, versions: [2] }, { headers: { ':authority': '[' }, body: '{}' })).status).toBe(400);
  });
});

describe('a caller that', () => {
  const head = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc' };

  test('hangs up ends the call', async () => {
    const stream = lean.request(head);
    stream.on('error', () => {});
    stream.end(grpc.of('sleep'));
    await vi.waitFor(() => expect(seen.lean).toBe(1));
    stream.close(constants.NGHTTP2_CANCEL);
    await vi.waitFor(() => expect(seen.aborted).toBe(1));

    const socket = openSocket(ports.lean.port);
    const body = json('sleep');
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
    await vi.waitFor(() => expect(seen.lean).toBe(2));
    socket.destroy();
    await vi.waitFor(() => expect(seen.aborted).toBe(2));
  });

  test('hangs up amid its body calls nobody', async () => {
    const stream = lean.request(head);
    stream.on('error', () => {});
    stream.write(grpc.of('somebody').subarray(0, 7));
    await setImmediate();
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, 'close');
    expect((await ask(grpc, { body: grpc.of('somebody') })).status).toBe(200);
    expect(seen.lean).toBe(1);
  });

  test('lets its deadline pass amid its body is told so', async () => {
    const stream = lean.request({ ...head, 'grpc-timeout': '20m' });
    stream.write(grpc.of('somebody').subarray(0, 7));
    const [trailers] = await once(stream.resume(), 'trailers');
    expect(trailers['grpc-message']).toContain('DEADLINE_EXCEEDED');
    stream.close();
  });

  test('sends half a body and no more, or waits at the gate or for the answer, waits no longer than the server lets any call', async () => {
    const { lean: own, connect: other } = await listenBoth(50);
    const [session, plainSession] = [sessionTo(own), sessionTo(other)];
    const begin = (on: ClientHttp2Session, headers: Record<string, string> = {}) => {
      const stream = on.request({ ...head, ...headers });
      stream.on('error', () => {});
      stream.write(grpc.of('somebody').subarray(0, 7));
      return stream.resume();
    };
    for (const headers of [{}, { 'grpc-timeout': '1H' }, { 'x-locked': 'yes' }]) {
      const stream = begin(session, headers);
      expect((await once(stream, 'trailers'))[0]['grpc-message']).toContain('DEADLINE_EXCEEDED');
      stream.close();
    }
    for (const on of [session, plainSession]) {
      const told = await askHttp2(on, { headers: { 'content-type': grpc.type }, body: grpc.of('sleep') });
      expect(told.trailers['grpc-message']).toContain('DEADLINE_EXCEEDED');
    }
    const stream = begin(plainSession);
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    for (const one of [session, plainSession]) one.destroy();
    await Promise.all([own.close(0), other.close(0)]);
  });

  test('is refused amid its body leaves nothing behind that its connection would have to wait for', async () => {
    const { lean: own, connect: unused } = await listenBoth();
    const session = sessionTo(own);
    for (const form of forms.filter(({ versions }) => versions.includes(2))) {
      const told = await askHttp2(session, {
        headers: { 'content-type': form.type },
        body: form.of('x'.repeat(20 * readMaxBytes)),
      });
      expect(told.body + String(told.trailers['grpc-message'])).toContain('MESSAGE_TOO_LARGE');
    }
    // Longer than the test may take.
    await Promise.all([own.close(120_000), unused.close(0)]);
    session.destroy();
  });

  test('sends its body byte by byte is answered', async () => {
    const stream = lean.request(head);
    for (const byte of grpc.of('somebody')) {
      stream.write(Buffer.from([byte]));
      await setImmediate();
    }
    stream.end();
    const [trailers] = await once(stream.resume(), 'trailers');
    expect(trailers['grpc-status']).toBe('0');
  });

  test('goes on sending what was refused is answered and stopped', async () => {
    const stream = lean.request(head);
    stream.write(Buffer.alloc(5, 0xff));
    const [trailers] = await once(stream.resume(), 'trailers');
    expect(trailers['grpc-message']).toContain('MESSAGE_TOO_LARGE');
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  test('reads slowly gets all of a long answer', async () => {
    const { body } = await ask({ ...connectJson, versions: [2] }, { body: json('huge') });
    expect(body.length).toBeGreaterThan(8 * 1024 * 1024);
  });

  test('sends a request within a refused body has it taken for a body', async () => {
    const within = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
    const body = within.padEnd(readMaxBytes + 200);
    const [ours, theirs] = await Promise.all(
      [ports.lean, ports.connect].map(({ port }) => askHttp1(port, { headers: { 'content-type': 'application/json' }, body })),
    );
    expect(ours).toEqual(theirs);
    expect(seen).toMatchObject({ lean: 0, connect: 0 });
  });

  test('was refused for the size of its body may ask again on the same connection', async () => {
    const socket = openSocket(ports.lean.port);
    const answers: string[] = [];
    socket.on('data', (bytes) => answers.push(String(bytes)));
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    for (let n = 0; n < 100; n++) socket.write(`400\r\n${'x'.repeat(0x400)}\r\n`);
    socket.write(`0\r\n\r\n${head}Content-Length: 21\r\n\r\n{"userId":"somebody"}`);
    await vi.waitFor(() => expect(answers.join('')).toContain('"somebody"'));
    expect(answers.join('').match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 429', 'HTTP/1.1 200']);
  });

  test.each([
    'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ',
    'Content-Length: x\r\n\r\n{}',
    'Transfer-Encoding: gzip\r\n\r\n{}',
    'Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n',
  ])('lies about its length calls nobody: %j', async (rest) => {
    const socket = openSocket(ports.lean.port);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${rest}`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 /);
    expect(seen.lean).toBe(0);
  });
});
