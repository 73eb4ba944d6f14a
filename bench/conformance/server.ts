// The server that the suite tests: node bench/conformance/server.ts <folder of its protos> <lean|connect>. Told on standard
// input what to serve; "connect" has every call served by Connect's adapter, as what the lean path is held against.
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { adapt } from '../../src/server/adapter.ts';
import { listen } from '../../src/server/listen.ts';
import { unaryServer } from '../../src/server/unary/serve.ts';
import { messageOf, packageName, plain, readProtos, readSized, sized, typed } from './protos.ts';
import { conformanceRoutes } from './service.ts';

interface Wanted {
  useTls?: boolean;
  messageReceiveLimit?: number;
  serverCreds?: { cert: string; key: string };
}

const [folder = '', path] = process.argv.slice(2);
const registry = readProtos(folder);
const asked = fromBinary(messageOf(registry, `${packageName}.ServerCompatRequest`), await readSized(process.stdin));
const { useTls, messageReceiveLimit, serverCreds }: Wanted = JSON.parse(plain(registry, asked));
const decoded = (text: string) => Buffer.from(text, 'base64');
const tls = useTls && serverCreds ? { cert: decoded(serverCreds.cert), key: decoded(serverCreds.key) } : undefined;

const routes = conformanceRoutes(registry);
const maxTimeoutMs = 600_000;
const common = {
  interceptors: [],
  readMaxBytes: messageReceiveLimit || 4 * 1024 * 1024,
  writeMaxBytes: 64 * 1024 * 1024,
  networkOf: () => 'unknown',
  log: pino({ level: 'silent' }),
};
const unary = unaryServer({
  ...common,
  routes,
  gate: async () => {},
  maxTimeoutMs,
  explain: () => {},
  corsHeaders: () => ({}),
  jsonOptions: { registry },
});
const handler = adapt(routes, { ...common, bodyMs: maxTimeoutMs, jsonOptions: { registry } });
const { host, port } = await listen({ host: '127.0.0.1', port: 0, tls, handler, unary: path === 'lean' ? unary : undefined });

const answer = { host, port, ...(tls && { pemCert: tls.cert.toString('base64') }) };
process.stdout.write(
  sized(toBinary(messageOf(registry, `${packageName}.ServerCompatResponse`), typed(registry, 'ServerCompatResponse', answer))),
);
process.on('SIGTERM', () => process.exit(0));
