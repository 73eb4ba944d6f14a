// Another service beside this one: the same machine, as many users, the same calls in turns. See docs/benchmarks.md.
import { access, chmod, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultData } from '../load.ts';
import { compare, warmUp } from '../measure.ts';
import { loadNow, machine, writeFigures } from '../report.ts';
import { keycloak } from './keycloak.ts';
import { kratos } from './kratos.ts';
import { openPeer } from './open.ts';
import { operations, type Peer } from './peer.ts';
import { type PeerRow, peerTable } from './report.ts';
import { startOurs } from './roster.ts';
import { zitadel } from './zitadel.ts';

const peers: ReadonlyMap<string, Peer> = new Map(Object.entries({ kratos, keycloak, zitadel }));

const help = `npm run bench:peers -- --peer <name> [options]

  --peer <name>     kratos, keycloak or zitadel
  --binary <path>   its program, where that is not on PATH
  --users <n>       users in each of the two, 20000
  --callers <n>     callers at once, 16
  --seconds <n>     of each call to each of the two, 10
  --warm <n>        seconds of each call to the peer before they count, 30: Java compiles while it is asked
  --data <folder>   where this service's users are kept between runs, ${defaultData}
  --write           put the figures into docs/benchmarks.md
  --help            show this

Starts the peer on an empty Postgres of the same kind and settings as this service's own, fills it by its own interface, and asks
both in turns. What the peer writes stands in a temporary folder, which goes away at the end.

What each of them needs:
${[...peers.values()].map(({ installation }) => `* ${installation}`).join('\n')}

Progress goes to standard error, the figures as Markdown to standard output. Needs Linux: CPU is read from /proc.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({
  options: {
    ...{ peer: text, binary: text, data: text, ...{ help: flag, write: flag } },
    ...{ users: { ...text, default: '20000' }, callers: { ...text, default: '16' } },
    ...{ seconds: { ...text, default: '10' }, warm: { ...text, default: '30' } },
  },
});

const started = performance.now();
const say = (line: string) => console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}`);

/** The program of a peer, or the sentence that tells what is missing. */
async function programOf({ name, command, installation }: Peer): Promise<string> {
  const places = values.binary === undefined ? (process.env.PATH ?? '').split(delimiter) : [];
  const candidates = values.binary === undefined ? places.map((place) => join(place, command)) : [resolve(values.binary)];
  for (const path of candidates) {
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return path;
  }
  const sought = values.binary === undefined ? `no ${command} on PATH` : `${values.binary} is no program`;
  throw new Refusal(`${name} is not installed here (${sought}). It takes:\n${installation}`);
}

/** What the caller can mend. */
class Refusal extends Error {}

function wholeNumber(name: string, value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new Refusal(`--${name} takes a whole number above 0`);
  return Number(value);
}

async function main(): Promise<void> {
  const peer = peers.get(values.peer ?? '');
  if (!peer) throw new Refusal(`--peer takes one of ${[...peers.keys()].join(', ')}; --help tells more`);
  const users = wholeNumber('users', values.users);
  const [callers, seconds, warm] = [
    wholeNumber('callers', values.callers),
    wholeNumber('seconds', values.seconds),
    wholeNumber('warm', values.warm),
  ];
  const binary = await programOf(peer);
  const loadBefore = loadNow();
  const closing: (() => Promise<void>)[] = [];
  try {
    const folder = await temporaryFolder(closing);
    const ours = await startOurs({ data: resolve(values.data ?? defaultData), users, protocol: peer.protocol, say, closing });
    const theirs = await openPeer(peer, { binary, folder, users, say, closing });
    // What all calls share is compiled before the first of them counts.
    for (const read of ['lookup', 'list'] as const)
      await warmUp({ target: theirs.target, users, of: theirs.operations[read] }, warm);
    const rows: PeerRow[] = [];
    for (const operation of operations) {
      const works = [
        { target: ours.target, users, of: ours.operations[operation] },
        { target: theirs.target, users, of: theirs.operations[operation] },
      ] as const;
      await warmUp(works[0]);
      await warmUp(works[1], warm);
      const [own, other] = await compare(works, callers, seconds);
      rows.push({ operation, own, other });
      say(`${operation} compared`);
    }
    const command = ['npm run bench:peers --', ...process.argv.slice(2)].join(' ');
    const head = machine({ command, postgresVersion: ours.postgresVersion, loadBefore });
    const report = `${head}\n* ${theirs.version}; ${users} users in each, ${callers} callers\n\n${peerTable(peer, rows)}`;
    console.log(report);
    if (values.write) await writeFigures(report, values.peer);
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

async function temporaryFolder(closing: (() => Promise<void>)[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-peer-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  // Postgres runs as somebody else when this process is root's.
  await chmod(folder, 0o711);
  return folder;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

if (values.help) console.log(help);
else {
  await main().catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  });
}
