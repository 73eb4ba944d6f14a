// What idle connections cost, and whether others are served beside them: as many as asked for, half of them HTTP/2, half HTTP/1.1, that
// were used once and say nothing more. `node bench/connections.ts [--connections n] [--workers n] [--seconds n]`
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { casesFor } from './cases.ts';
import { prepareData } from './load.ts';
import { percentile, slice, warmUp } from './measure.ts';
import { residentBytes } from './processes.ts';
import { startService, type Target } from './service.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '4' },
    users: { type: 'string', default: '10000' },
    data: { type: 'string', default: 'node_modules/.cache/roster-bench' },
  },
});
const users = Number(values.users);
const dataDir = join(resolve(values.data), values.users);
const mebibyte = 2 ** 20;
/** Opened at once. */
const batch = 200;

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
const probe = Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');

/** A connection that has got an answer: settings, or a health probe's. */
async function idle(port: number, index: number): Promise<Socket> {
  // Ports of one address are fewer than some want.
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${1 + (Math.floor(index / 10_000) % 200)}` });
  socket.write(index % 2 === 0 ? preface : probe);
  await once(socket, 'data');
  socket.resume();
  return socket;
}

const memoryOf = ({ workers }: Target) => workers.map((pid) => Math.round(residentBytes(pid) / mebibyte)).join(' / ');

async function main(): Promise<void> {
  await prepareData(dataDir, users, (text) => console.error(text));
  const target = await startService({ dataDir, workers: Number(values.workers) });
  const reading = casesFor(users, '', '').find(({ key }) => key === 'get');
  if (!reading) throw new Error('no case to read with');
  const work = { target, users, of: reading };
  await warmUp(work);
  const show = async (count: number) => {
    const sample = await slice(work, 4, Number(values.seconds));
    const cells = [count, memoryOf(target), percentile(sample, 0.5).toFixed(2), percentile(sample, 0.99).toFixed(2)];
    console.log(`| ${cells.join(' | ')} |`);
  };
  console.log(
    '| idle connections | MB resident, by worker | GetUserByID, 4 callers: p50 ms | p99 ms |\n| ---: | ---: | ---: | ---: |',
  );
  await show(0);
  const port = Number(new URL(target.url).port);
  const sockets: Socket[] = [];
  while (sockets.length < Number(values.connections)) {
    const first = sockets.length;
    sockets.push(...(await Promise.all(Array.from({ length: batch }, (_, n) => idle(port, first + n)))));
  }
  await show(sockets.filter((socket) => !socket.destroyed).length);
  for (const socket of sockets) socket.destroy();
  await sleep(1000);
  await show(0);
  await target.stop();
}

await main();
